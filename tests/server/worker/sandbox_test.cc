#include "server/worker/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "gtest/gtest.h"

namespace automap {
namespace {

// Runs `attempt` in a process of its own, inside the sandbox; true when it was refused with EPERM.
bool IsRefused(const std::function<int()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    if (!EnterSandbox().ok()) _exit(2);
    errno = 0;
    _exit(attempt() < 0 && errno == EPERM ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool Works(const std::function<bool()>& attempt) {
  return !IsRefused([&] { return attempt() ? 0 : (errno = EPERM, -1); });
}

TEST(Sandbox, RefusesWhatAWorkerNeverDoes) {
  struct Case {
    const char* name;
    std::function<int()> attempt;
  };
  static const char kPath[] = "/tmp/automap-sandbox-test";
  char* const argv[] = {const_cast<char*>("true"), nullptr};
  const Case cases[] = {
      {"network", [] { return socket(AF_INET, SOCK_STREAM, 0); }},
      {"unix socket", [] { return socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"write", [] { return open(kPath, O_WRONLY | O_CREAT, 0600); }},
      {"read and write", [] { return open("/etc/passwd", O_RDWR); }},
      {"remove", [] { return unlink(kPath); }},
      {"make a folder", [] { return mkdir(kPath, 0700); }},
      {"rename", [] { return rename("/etc/hostname", kPath); }},
      {"exec", [&] { return execve("/bin/true", argv, nullptr); }},
      {"new process", [] { return static_cast<int>(fork()); }},
      {"ptrace", [] { return static_cast<int>(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
      {"new namespace", [] { return unshare(CLONE_NEWUSER); }},
      {"io_uring", [] { return static_cast<int>(syscall(SYS_io_uring_setup, 1, nullptr)); }},
  };
  for (const Case& test : cases) EXPECT_TRUE(IsRefused(test.attempt)) << test.name;
  EXPECT_NE(access(kPath, F_OK), 0);
}

TEST(Sandbox, LetsAWorkerCompute) {
  EXPECT_TRUE(Works([] {
    int sum = 0;
    std::thread([&] { sum = 41; }).join();
    return sum + 1 == 42;
  })) << "threads";
  EXPECT_TRUE(Works([] { return open("/etc/passwd", O_RDONLY) >= 0; })) << "reading";
  EXPECT_TRUE(Works([] {
    rlimit limit = {};
    getrlimit(RLIMIT_FSIZE, &limit);
    return limit.rlim_max == 0;
  })) << "files cannot grow";
}

}  // namespace
}  // namespace automap

#include "server/process/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "server/worker/frames.h"
#include "server/worker/run_worker.h"

extern char** environ;

namespace automap {
namespace {

constexpr int64_t kMaxEventBytes = int64_t{64} << 20;
// Address space for what a worker only reads: the program, LibTorch and what that needs.
constexpr int64_t kProgramBytes = int64_t{2} << 30;
constexpr absl::Duration kStartTimeout = absl::Seconds(60);

// OpenBLAS reads its own when it is loaded, so they must be there before exec.
std::vector<std::string> WorkerEnvironment() {
  std::vector<std::string> environment = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1",
                                          absl::StrCat(kParentVariable, "=", getpid())};
  const size_t own = environment.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name(*entry, std::strcspn(*entry, "=") + 1);
    const bool is_ours =
        std::any_of(environment.begin(), environment.begin() + own,
                    [&](const auto& ours) { return absl::StartsWith(ours, name); });
    if (!is_ours) environment.emplace_back(*entry);
  }
  return environment;
}

struct Pipe {
  int read = -1, write = -1;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0)
    return absl::UnavailableError(absl::StrCat("worker: pipe: ", std::strerror(errno)));
  return Pipe{fds[0], fds[1]};
}

void Cap(pid_t pid, __rlimit_resource resource, int64_t value) {
  const rlimit limit = {static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  prlimit(pid, resource, &limit, nullptr);
}

absl::StatusOr<pid_t> Spawn(const std::string& program, int stdin_fd, int stdout_fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  const std::vector<std::string> environment = WorkerEnvironment();
  std::vector<char*> envp;
  for (const std::string& entry : environment) envp.push_back(const_cast<char*>(entry.c_str()));
  envp.push_back(nullptr);
  char* const argv[] = {const_cast<char*>(program.c_str()), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, envp.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    return absl::UnavailableError(
        absl::StrCat("worker: cannot start ", program, ": ", std::strerror(error)));
  return pid;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const std::string& program,
                                                                    const WorkerLimits& limits) {
  ASSIGN_OR_RETURN(const Pipe to_worker, MakePipe());
  ASSIGN_OR_RETURN(const Pipe from_worker, MakePipe());
  const auto pid = Spawn(program, to_worker.read, from_worker.write);
  close(to_worker.read);
  close(from_worker.write);
  if (!pid.ok()) {
    close(to_worker.write);
    close(from_worker.read);
    return pid.status();
  }
#ifndef AUTOMAP_SANITIZED  // they reserve terabytes
  Cap(*pid, RLIMIT_DATA, limits.memory_bytes);
  Cap(*pid, RLIMIT_AS, limits.memory_bytes + kProgramBytes);
#endif
  Cap(*pid, RLIMIT_CPU, limits.cpu_seconds);
  Cap(*pid, RLIMIT_CORE, 0);
  std::unique_ptr<WorkerProcess> process(
      new WorkerProcess(*pid, to_worker.write, from_worker.read));
  ASSIGN_OR_RETURN(const worker::v1::Event ready, process->Receive(SteadyNow() + kStartTimeout));
  if (!ready.has_ready()) return absl::UnavailableError("worker: did not say that it is ready");
  return process;
}

WorkerProcess::~WorkerProcess() {
  close(in_);
  close(out_);
  if (reaped_) return;
  Kill();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

bool WorkerProcess::IsAlive() {
  if (!reaped_ && waitpid(pid_, &exit_status_, WNOHANG) == pid_) reaped_ = true;
  return !reaped_;
}

std::string WorkerProcess::HowItEnded() {
  for (int i = 0; i < 20 && IsAlive(); ++i) usleep(5'000);
  if (!reaped_) return "the process still runs";
  if (WIFSIGNALED(exit_status_)) return absl::StrCat("killed by signal ", WTERMSIG(exit_status_));
  return absl::StrCat("exited with ", WEXITSTATUS(exit_status_));
}

absl::Status WorkerProcess::Send(const worker::v1::Task& task, absl::string_view module,
                                 absl::Time deadline) {
  if (Failpoint("process.half_a_task")) {
    (void)!write(in_, "half", 4);  // of a frame's header
    return absl::UnavailableError("process.half_a_task: fails as told");
  }
  RETURN_IF_ERROR(WriteMessage(in_, task.SerializeAsString(), deadline));
  return WriteMessage(in_, module, deadline);
}

absl::StatusOr<worker::v1::Event> WorkerProcess::Receive(absl::Time deadline) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadMessage(out_, kMaxEventBytes, deadline));
  worker::v1::Event event;
  if (!event.ParseFromString(bytes)) return absl::DataLossError("worker: not an event");
  return event;
}

void WorkerProcess::Terminate() {
  if (!reaped_) kill(pid_, SIGTERM);
}

void WorkerProcess::AskForCheckpoint() {
  if (!reaped_) kill(pid_, SIGUSR1);
}

void WorkerProcess::Pause() {
  if (!reaped_) kill(-pid_, SIGSTOP);
}

void WorkerProcess::Resume() {
  if (!reaped_) kill(-pid_, SIGCONT);
}

void WorkerProcess::Kill() {
  if (!reaped_) kill(-pid_, SIGKILL);
}

}  // namespace automap

#include "tests/support/postgres.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

constexpr char kBin[] = "/usr/lib/postgresql/15/bin/";

// "setpriv ... --" for root, which PostgreSQL does not run as.
std::string AsNobody() {
  if (geteuid() != 0) return "";
  const passwd* user = getpwnam("postgres");
  return absl::StrCat("setpriv --reuid=", user->pw_uid, " --regid=", user->pw_gid,
                      " --clear-groups ");
}

void Execute(const std::string& database, const std::string& sql) {
  PGconn* session = PQconnectdb(database.c_str());
  PQclear(PQexec(session, sql.c_str()));
  PQfinish(session);
}

}  // namespace

Postgres::Postgres() : port_(FreePort()) {
  folder_ = absl::StrCat("/tmp/automap-pg-", getpid(), "-", absl::ToUnixNanos(absl::Now()));
  std::filesystem::create_directories(folder_);
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) return;
  }
  const std::string command =
      absl::StrCat(AsNobody(), kBin, "initdb -D ", folder_, "/data -U automap --auth=trust ",
                   "--no-sync -E UTF8 --locale=C >", folder_, ".log 2>&1");
  if (std::system(command.c_str()) != 0) return;
  std::ofstream(folder_ + "/data/postgresql.conf", std::ios::app)
      << "listen_addresses='127.0.0.1'\nport=" << port_ << "\nunix_socket_directories=''\n"
      << "shared_buffers=32MB\nmax_connections=100\nfsync=off\nlogging_collector=off\n";
  Start();
}

Postgres::~Postgres() {
  Kill();
  std::filesystem::remove_all(folder_);
  std::filesystem::remove(folder_ + ".log");
}

void Postgres::Start() {
  const std::string command =
      absl::StrCat("exec setpriv --pdeathsig KILL ", AsNobody(), kBin, "postgres -D ", folder_,
                   "/data >>", folder_, ".log 2>&1");
  pid_ = fork();
  if (pid_ == 0) {
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  for (int i = 0; i < 600; ++i) {
    PGconn* session = PQconnectdb(
        absl::StrCat("host=127.0.0.1 port=", port_, " user=automap dbname=postgres").c_str());
    const bool up = PQstatus(session) == CONNECTION_OK;
    PQfinish(session);
    if (up) return;
    absl::SleepFor(absl::Milliseconds(100));
  }
  Kill();
}

void Postgres::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGQUIT);  // immediate: no checkpoint, recovery at the next start
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

std::string Postgres::NewDatabase() {
  const std::string name = absl::StrCat("test", ++databases_);
  const std::string base = absl::StrCat("host=127.0.0.1 port=", port_, " user=automap dbname=");
  Execute(base + "postgres", "CREATE DATABASE " + name);
  return base + name;
}

std::string Postgres::NewSchema(const std::string& database, const std::string& name) {
  Execute(database, "CREATE SCHEMA " + name);
  return absl::StrCat(database, " options=-csearch_path=", name);
}

}  // namespace automap

#include "server/jobs/postgres_changes.h"

#include <poll.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/steady_clock.h"

namespace automap {
namespace {

constexpr int kTurnMs = 100;
constexpr absl::Duration kLook = absl::Seconds(2);
constexpr size_t kMaxNames = 100;  // a notification holds 8000 bytes

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

}  // namespace

PostgresChanges::~PostgresChanges() {
  {
    MutexLock lock(mutex_);
    ends_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void PostgresChanges::Announce(const std::string& job) {
  MutexLock lock(mutex_);
  announced_.insert(job);
}

void PostgresChanges::Listen(OnChange on_change) {
  on_change_ = std::move(on_change);
  thread_ = std::thread([this] { Run(); });
}

void PostgresChanges::Run() {
  PgSession session(nullptr, PQfinish);
  absl::Time looked = SteadyNow();
  while (true) {
    {
      MutexLock lock(mutex_);
      if (ends_) return;
    }
    if (session == nullptr) {
      auto opened = ConnectToPostgres(database_);
      if (opened.ok()) {
        session = *std::move(opened);
        Result(PQexec(session.get(), "LISTEN automap_jobs"), PQclear);
      }
    }
    if (session == nullptr || !Turn(session.get())) {
      session.reset();
      absl::SleepFor(absl::Milliseconds(kTurnMs));
    }
    if (SteadyNow() - looked > kLook) {
      looked = SteadyNow();
      on_change_("");
    }
  }
}

bool PostgresChanges::Turn(PGconn* session) {
  if (!Send(session)) return false;
  pollfd item = {PQsocket(session), POLLIN, 0};
  poll(&item, 1, kTurnMs);
  if (PQconsumeInput(session) == 0) return false;
  using Notify = std::unique_ptr<PGnotify, decltype(&PQfreemem)>;
  while (const Notify notify{PQnotifies(session), PQfreemem}) {
    if (notify->be_pid == PQbackendPID(session)) continue;
    for (absl::string_view job : absl::StrSplit(notify->extra, ',')) on_change_(job);
  }
  return PQstatus(session) == CONNECTION_OK;
}

bool PostgresChanges::Send(PGconn* session) {
  std::set<std::string> names;
  {
    MutexLock lock(mutex_);
    names.swap(announced_);
  }
  if (names.empty()) return true;
  const std::string text = names.size() > kMaxNames ? "" : absl::StrJoin(names, ",");
  const char* const values[] = {text.c_str()};
  const Result result(PQexecParams(session, "SELECT pg_notify('automap_jobs', $1)", 1, nullptr,
                                   values, nullptr, nullptr, 0),
                      PQclear);
  return PQresultStatus(result.get()) == PGRES_TUPLES_OK;
}

}  // namespace automap

#include "server/jobs/postgres_changes.h"

#include <poll.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/steady_clock.h"

namespace automap {
namespace {

constexpr int kTurnMs = 100;
constexpr absl::Duration kLook = absl::Seconds(2);
// A notification holds 8000 bytes.
constexpr size_t kMaxNames = 100, kMaxText = 7000;
constexpr absl::Duration kProgressInterval = absl::Milliseconds(500);
// The number of the schema that the session's jobs stand in.
constexpr char kSchema[] = "SELECT relnamespace FROM pg_class WHERE oid = 'jobs'::regclass";

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

bool Notify(PGconn* session, const std::string& channel, const std::string& text) {
  const char* const values[] = {channel.c_str(), text.c_str()};
  const Result result(
      PQexecParams(session, "SELECT pg_notify($1, $2)", 2, nullptr, values, nullptr, nullptr, 0),
      PQclear);
  return PQresultStatus(result.get()) == PGRES_TUPLES_OK;
}

// JOB=BASE64 of the message, with commas between.
std::vector<std::string> ProgressTexts(const std::map<std::string, v1::Progress>& progress) {
  std::vector<std::string> texts;
  for (const auto& [job, message] : progress) {
    const std::string item =
        absl::StrCat(job, "=", absl::WebSafeBase64Escape(message.SerializeAsString()));
    if (texts.empty() || texts.back().size() + item.size() > kMaxText) {
      texts.push_back(item);
    } else {
      absl::StrAppend(&texts.back(), ",", item);
    }
  }
  return texts;
}

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

void PostgresChanges::TellProgress(const std::string& job, const v1::Progress& progress) {
  MutexLock lock(mutex_);
  progress_[job] = progress;
}

void PostgresChanges::Listen(StoreListener listener) {
  listener_ = std::move(listener);
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
    if (session == nullptr) session = Open();
    if (session == nullptr || !Turn(session.get())) {
      session.reset();
      absl::SleepFor(absl::Milliseconds(kTurnMs));
    }
    if (SteadyNow() - looked > kLook) {
      looked = SteadyNow();
      listener_.changed("");
    }
  }
}

PgSession PostgresChanges::Open() {
  auto session = ConnectToPostgres(database_);
  if (!session.ok()) return {nullptr, PQfinish};
  const Result schema(PQexec(session->get(), kSchema), PQclear);
  if (PQntuples(schema.get()) != 1) return {nullptr, PQfinish};
  const char* number = PQgetvalue(schema.get(), 0, 0);
  jobs_channel_ = absl::StrCat("automap_jobs_", number);
  progress_channel_ = absl::StrCat("automap_progress_", number);
  const std::string listen = absl::StrCat("LISTEN ", jobs_channel_, "; LISTEN ", progress_channel_);
  const Result listens(PQexec(session->get(), listen.c_str()), PQclear);
  if (PQresultStatus(listens.get()) != PGRES_COMMAND_OK) return {nullptr, PQfinish};
  return *std::move(session);
}

bool PostgresChanges::Turn(PGconn* session) {
  if (!Send(session)) return false;
  pollfd item = {PQsocket(session), POLLIN, 0};
  poll(&item, 1, kTurnMs);
  if (PQconsumeInput(session) == 0) return false;
  using Notify = std::unique_ptr<PGnotify, decltype(&PQfreemem)>;
  while (const Notify notify{PQnotifies(session), PQfreemem}) {
    if (notify->be_pid != PQbackendPID(session)) Hear(*notify);
  }
  return PQstatus(session) == CONNECTION_OK;
}

void PostgresChanges::Hear(const PGnotify& notify) const {
  const bool is_progress = notify.relname == progress_channel_;
  for (absl::string_view item : absl::StrSplit(notify.extra, ',')) {
    if (!is_progress) {
      listener_.changed(item);
      continue;
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(item, absl::MaxSplits('=', 1));
    std::string bytes;
    v1::Progress progress;
    if (absl::WebSafeBase64Unescape(parts.second, &bytes) && progress.ParseFromString(bytes))
      listener_.progressed(parts.first, progress);
  }
}

bool PostgresChanges::Send(PGconn* session) {
  std::set<std::string> names;
  std::map<std::string, v1::Progress> progress;
  {
    MutexLock lock(mutex_);
    names.swap(announced_);
    if (SteadyNow() - progress_sent_ > kProgressInterval) progress.swap(progress_);
  }
  if (!names.empty() &&
      !Notify(session, jobs_channel_, names.size() > kMaxNames ? "" : absl::StrJoin(names, ",")))
    return false;
  if (!progress.empty()) progress_sent_ = SteadyNow();
  for (const std::string& text : ProgressTexts(progress)) {
    if (!Notify(session, progress_channel_, text)) return false;
  }
  return true;
}

}  // namespace automap

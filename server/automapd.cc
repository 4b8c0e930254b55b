// automapd: the server. Opens the stores, starts the pool, the API and the HTTP side, and drains on
// SIGTERM.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "base/ticker.h"
#include "nlohmann/json.hpp"
#include "server/api/services.h"
#include "server/api/transport.h"
#include "server/blobs/blob_store.h"
#include "server/blobs/checkpoint_store.h"
#include "server/jobs/catalog.h"
#include "server/jobs/job_state.h"
#include "server/jobs/timed_job_store.h"
#include "server/ops/http_server.h"
#include "server/ops/metrics.h"
#include "server/pool/worker_pool.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace automap {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(2);  // for streams to take their bookmark
constexpr absl::Duration kAnswersLeave = absl::Milliseconds(100);  // for what gRPC has to be sent
constexpr int kApiThreads = 8;
constexpr int64_t kTicksPerCleaning = 600;
constexpr rlim_t kWantedFiles = 65'536;

struct Flags {
  TransportOptions transport;
  std::string http_listen = "127.0.0.1:8471", data_dir = "automap-data", modules_dir,
              checkpoints_dir, store = "sqlite", database_file, principals, worker_program;
  int workers = 2, paused_jobs = -1;  // -1: as many as workers
  int64_t worker_memory_bytes = WorkerLimits{}.memory_bytes,
          worker_cpu_seconds = WorkerLimits{}.cpu_seconds;
  int max_run_timeout_s = 3600, overrun_grace_s = 20, lease_s = 30, drain_delay_s = 0;
  double max_write_s = 60, bookmark_s = 15, checkpoint_interval_s = 5;
  int64_t job_retention_s = 7 * 86400;
  Limits limits;
};

void SetUpLog() {
  auto log = spdlog::stderr_logger_mt("automapd");
  log->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
  spdlog::set_default_logger(log);
}

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

int Refuse(const absl::Status& status) {
  std::cerr << "automapd: " << status.message() << "\n";
  return 1;
}

// The database's address holds its password, so it comes from a file and is never shown.
absl::StatusOr<std::unique_ptr<JobStore>> OpenStore(const Flags& flags) {
  StorePlace place = {.folder = flags.data_dir, .database = ""};
  if (!flags.database_file.empty()) {
    std::ifstream file(flags.database_file);
    std::getline(file, place.database);
    if (!file)
      return absl::InvalidArgumentError(
          absl::StrCat("--database-file: ", flags.database_file, " cannot be read"));
  }
  for (const JobStoreRow& row : JobStores()) {
    if (row.scheme == flags.store) return row.open(place);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--store ", flags.store, ": there is no such store"));
}

// What is wrong with an input quotes it; that is for its caller, not for the log.
std::string ErrorForLog(const google::rpc::Status& error) {
  const auto code = static_cast<absl::StatusCode>(error.code());
  const std::string name = absl::StatusCodeToString(code);
  return code == absl::StatusCode::kOk ? ""
         : code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kUnimplemented
             ? name
             : absl::StrCat(name, ": ", error.message());
}

void LogEnd(const JobEnd& end) {
  spdlog::info(
      R"("event":"job ended","job":"{}","trace":"{}","state":"{}","attempts":{},"from_cache":{},"waited_s":{:.3f},"ran_s":{:.3f},"error":{})",
      end.job.name(), end.job.traceparent(), v1::PlanJob::State_Name(end.job.state()),
      end.job.attempts(), end.job.from_cache(), absl::ToDoubleSeconds(end.waited),
      absl::ToDoubleSeconds(end.ran), Quoted(ErrorForLog(end.job.error())));
}

// SIGTERM and SIGINT are taken by sigwait below; no thread that is started later may be interrupted
// by them.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of that write
  return signals;
}

// Every connection needs two descriptors.
void RaiseFileLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min(std::max(limit.rlim_cur, kWantedFiles), limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);
}

PoolOptions PoolOptionsOf(const Flags& flags) {
  PoolOptions options;
  options.worker_program = flags.worker_program;
  options.workers = flags.workers;
  options.paused = flags.paused_jobs < 0 ? flags.workers : flags.paused_jobs;
  options.limits = {flags.worker_memory_bytes, flags.worker_cpu_seconds};
  options.max_run_timeout = absl::Seconds(flags.max_run_timeout_s);
  options.overrun_grace = absl::Seconds(flags.overrun_grace_s);
  options.lease = absl::Seconds(flags.lease_s);
  options.checkpoint_interval = absl::Seconds(flags.checkpoint_interval_s);
  return options;
}

Limits LimitsOf(const Flags& flags) {
  Limits limits = flags.limits;
  limits.max_write_time = absl::Seconds(flags.max_write_s);
  limits.bookmark_interval = absl::Seconds(flags.bookmark_s);
  limits.job_retention = absl::Seconds(flags.job_retention_s);
  return limits;
}

PoolObserver Observe(Metrics& metrics) {
  return {
      .job_ended =
          [&metrics](const JobEnd& end) {
            metrics.JobEnded(end.job.state(), end.waited, end.ran);
            LogEnd(end);
          },
      .worker_died =
          [&metrics](const std::string& cause, const std::string& job, const std::string& text) {
            metrics.WorkerDied(cause);
            spdlog::warn(R"("event":"worker lost","cause":"{}","job":"{}","text":{})", cause, job,
                         Quoted(text));
          },
      .fenced = [&metrics] { metrics.Fenced(); },
      .checkpoint =
          [&metrics](const char* outcome, const std::string& job, const std::string& text) {
            metrics.CheckpointDone(outcome);
            if (!text.empty())
              spdlog::warn(R"("event":"checkpoint {}","job":"{}","text":{})", outcome, job,
                           Quoted(text));
          },
      .plan_found = [&metrics](const v1::Plan& plan) { metrics.PlanFound(plan); }};
}

// What the parts are told about each other, once they all exist.
class Daemon {
 public:
  static absl::StatusOr<std::unique_ptr<Daemon>> Open(const Flags& flags) {
    std::error_code error;
    std::filesystem::create_directories(flags.data_dir, error);
    RETURN_IF_ERROR(CheckTransport(flags.transport));
    std::unique_ptr<Daemon> daemon(new Daemon(flags));
    if (!flags.principals.empty()) {
      ASSIGN_OR_RETURN(auto principals, Principals::Open(flags.principals));
      daemon->access_ = std::make_unique<Access>(std::move(principals));
    }
    ASSIGN_OR_RETURN(auto store, OpenStore(flags));
    daemon->store_ = TimeJobStore(
        std::move(store), [metrics = &daemon->metrics_](const char* operation, absl::Duration time,
                                                        absl::StatusCode code) {
          metrics->StoreAnswered(operation, time, code);
        });
    ASSIGN_OR_RETURN(daemon->blobs_, BlobStore::Open(flags.modules_dir.empty()
                                                         ? absl::StrCat(flags.data_dir, "/modules")
                                                         : flags.modules_dir,
                                                     daemon->limits_.max_stored_bytes));
    ASSIGN_OR_RETURN(daemon->checkpoints_,
                     CheckpointStore::Open(flags.checkpoints_dir.empty()
                                               ? absl::StrCat(flags.data_dir, "/checkpoints")
                                               : flags.checkpoints_dir));
    RETURN_IF_ERROR(daemon->Start());
    return daemon;
  }

  // Afterwards the process may end at once: everything that counts is on disk, and a client whose
  // connection breaks tries again. gRPC's own shutdown would answer some of them with CANCELLED.
  void Drain() {
    transport_->StopServing();
    jobs_->BeginDrain();
    absl::SleepFor(absl::Seconds(flags_.drain_delay_s));
    pool_->Drain();
    const absl::Time end = SteadyNow() + kDrainGrace;
    while (SteadyNow() < end && (jobs_->open_streams() > 0 || !executor_->is_idle()))
      absl::SleepFor(absl::Milliseconds(10));
    absl::SleepFor(kAnswersLeave);
  }

 private:
  explicit Daemon(const Flags& flags)
      : flags_(flags),
        limits_(LimitsOf(flags)),
        room_(limits_.max_stream_bytes),
        access_(std::make_unique<Access>(nullptr)) {}

  absl::Status Start() {
    modules_ = std::make_unique<ModuleService>(*store_, *blobs_, limits_);
    pool_ = std::make_unique<WorkerPool>(
        PoolOptionsOf(flags_), *store_, feed_, *checkpoints_,
        [this](const v1::PlanSpec& spec) { return modules_->ReadModuleOf(spec); },
        Observe(metrics_));
    jobs_ = std::make_unique<JobService>(*store_, *modules_, feed_, *pool_, metrics_, limits_);
    executor_ = std::make_unique<Executor>(kApiThreads, limits_.max_waiting_calls);
    api_.reset(new Api{*jobs_, *modules_, *executor_, metrics_, *access_, limits_, room_});
    planner_ = MakePlannerService(*api_);
    modules_api_ = MakeModulesService(*api_);
    ASSIGN_OR_RETURN(transport_, Transport::Start(flags_.transport, limits_, metrics_,
                                                  {planner_.get(), modules_api_.get()}));
    ASSIGN_OR_RETURN(
        http_, HttpServer::Start(flags_.http_listen, {[this] { return MetricsText(); },
                                                      [this] { return !jobs_->is_draining(); }}));
    store_->Listen({.changed =
                        [this](absl::string_view job) {
                          feed_.Notify(job);
                          if (!job.empty()) pool_->Look(std::string(job));
                          pool_->Wake();
                        },
                    .progressed =
                        [this](const std::string& job, const v1::Progress& progress) {
                          feed_.Publish(job, progress, /*runs_elsewhere=*/true);
                        }});
    pool_->Start();
    ticker_ = std::make_unique<Ticker>(absl::Seconds(1), [this] { Tick(); });
    spdlog::info(R"("event":"listening","grpc":{},"port":{},"http":{},"workers":{})",
                 Quoted(flags_.transport.listen), transport_->port(), Quoted(flags_.http_listen),
                 flags_.workers);
    return absl::OkStatus();
  }

  void Tick() {
    feed_.Tick();
    jobs_->Sweep();
    if (ticks_++ % kTicksPerCleaning != 0) return;
    blobs_->RemoveOldPartials(limits_.upload_retention);
    checkpoints_->RemoveOthers([this](const std::string& job) {
      const auto found = store_->Get(job);
      return found.ok() ? !IsEnded(found->state())
                        : found.status().code() != absl::StatusCode::kNotFound;
    });
  }

  std::string MetricsText() {
    Metrics::Present present;
    present.workers_busy = pool_->busy();
    present.jobs_paused = pool_->paused();
    present.workers = flags_.workers;
    present.watchers = feed_.watcher_count();
    present.connections = transport_->connections();
    if (const auto queue = store_->CountJobs(); queue.ok()) {
      present.jobs = queue->jobs;
      if (queue->oldest_pending != absl::InfiniteFuture())
        present.oldest_wait = std::max(absl::ZeroDuration(), absl::Now() - queue->oldest_pending);
    }
    metrics_.Set(present);
    return metrics_.Text();
  }

  // In the order in which they are made; destroyed in the opposite one.
  const Flags flags_;
  const Limits limits_;
  Metrics metrics_;
  JobFeed feed_;
  StreamRoom room_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<JobStore> store_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::unique_ptr<ModuleService> modules_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<JobService> jobs_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<v1::Planner::CallbackService> planner_;
  std::unique_ptr<v1::Modules::CallbackService> modules_api_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<HttpServer> http_;
  int64_t ticks_ = 0;
  std::unique_ptr<Ticker> ticker_;
};

int Serve(const Flags& flags) {
  const sigset_t signals = BlockSignals();
  SetUpLog();
  RaiseFileLimit();
  auto daemon = Daemon::Open(flags);
  if (!daemon.ok()) return Refuse(daemon.status());
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  spdlog::info(R"("event":"draining","signal":{})", signal_number);
  (*daemon)->Drain();
  spdlog::info(R"("event":"stopped")");
  spdlog::shutdown();
  _exit(0);
}

void AddServerOptions(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.transport.listen, "HOST:PORT for gRPC");
  app.add_option("--http-listen", flags.http_listen,
                 "HOST:PORT for /metrics, /healthz and /readyz");
  app.add_option("--data-dir", flags.data_dir, "folder for jobs and modules");
  app.add_option("--modules-dir", flags.modules_dir,
                 "folder for modules, shared by all replicas; default: inside --data-dir");
  app.add_option("--checkpoints-dir", flags.checkpoints_dir,
                 "folder for checkpoints of running jobs, shared by all replicas; default: inside "
                 "--data-dir");
  app.add_option("--store", flags.store, "where jobs are kept: sqlite or postgres");
  app.add_option("--database-file", flags.database_file,
                 "file whose first line says how to reach PostgreSQL, as libpq takes it");
  app.add_option("--drain-delay", flags.drain_delay_s,
                 "seconds between not being ready and stopping, for load balancers to notice")
      ->check(CLI::Range(0, 300));
}

void AddSecurityOptions(CLI::App& app, Flags& flags) {
  app.add_option("--tls-certificate", flags.transport.tls_certificate,
                 "PEM file; read again when it changes");
  app.add_option("--tls-key", flags.transport.tls_key, "PEM file of its key");
  app.add_option("--tls-client-ca", flags.transport.tls_client_ca,
                 "PEM file; clients must have a certificate of it");
  app.add_option("--principals", flags.principals,
                 "JSON file of the callers, their roles and tokens");
  app.add_flag("--allow-insecure", flags.transport.allow_insecure,
               "let anybody who reaches --listen do anything");
  app.add_flag("--reflection,!--no-reflection", flags.transport.reflection,
               "whether clients may ask for the API's descriptors");
}

void AddWorkOptions(CLI::App& app, Flags& flags) {
  app.add_option("--workers", flags.workers, "jobs that run at once")->check(CLI::Range(0, 256));
  app.add_option(
         "--paused-jobs", flags.paused_jobs,
         "jobs that may pause, with their memory, so that a caller who has none running need "
         "not wait for one who has several; default: as many as --workers")
      ->check(CLI::Range(0, 256));
  app.add_option("--worker-program", flags.worker_program, "program that computes");
  app.add_option("--worker-memory-bytes", flags.worker_memory_bytes,
                 "address space of one worker process");
  app.add_option("--worker-cpu-seconds", flags.worker_cpu_seconds,
                 "CPU time of one worker process before it is replaced");
  app.add_option("--max-run-timeout", flags.max_run_timeout_s, "seconds that a job may run at most")
      ->check(CLI::Range(1, 7 * 86400));
  app.add_option("--overrun-grace", flags.overrun_grace_s,
                 "seconds past a job's limit before its worker is killed")
      ->check(CLI::Range(0, 3600));
  app.add_option("--checkpoint-interval", flags.checkpoint_interval_s,
                 "seconds of a search that may be lost when its worker dies; 0: all of it")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--lease", flags.lease_s,
                 "seconds after which the job of a silent replica is another's")
      ->check(CLI::Range(2, 3600));
}

void AddLimitOptions(CLI::App& app, Flags& flags) {
  Limits& limits = flags.limits;
  app.add_option("--max-queued-jobs", limits.max_queued_jobs, "jobs that may wait");
  app.add_option("--max-queued-jobs-per-caller", limits.max_queued_jobs_per_caller,
                 "jobs of one caller that may wait");
  app.add_option("--max-stored-bytes", limits.max_stored_bytes, "bytes of all uploaded modules");
  app.add_option("--max-connections", limits.max_connections, "open gRPC connections");
  app.add_option("--max-connections-per-host", limits.max_connections_per_host,
                 "open gRPC connections from one address; a proxy in front is one");
  app.add_option("--max-watch-streams", limits.max_watch_streams, "open streams of events");
  app.add_option("--max-waiting-calls", limits.max_waiting_calls,
                 "calls that may wait for one of the server's threads");
  app.add_option("--max-write-time", flags.max_write_s,
                 "seconds after which a stream whose client takes nothing is ended");
  app.add_option("--bookmark-interval", flags.bookmark_s,
                 "seconds of silence after which a stream gets a bookmark");
  app.add_option("--job-retention", flags.job_retention_s, "seconds that ended jobs are kept");
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  automap::Flags flags;
  std::error_code error;
  flags.worker_program =
      (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "automap-worker")
          .string();
  CLI::App app("automapd: the Auto-MAP planning server");
  automap::AddServerOptions(app, flags);
  automap::AddSecurityOptions(app, flags);
  automap::AddWorkOptions(app, flags);
  automap::AddLimitOptions(app, flags);
  CLI11_PARSE(app, argc, argv);
  flags.transport.knows_callers = !flags.principals.empty();
  return automap::Serve(flags);
}

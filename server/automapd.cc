// automapd: the server. Opens the stores, starts the pool, the API and the HTTP side, and drains on
// SIGTERM.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "base/ticker.h"
#include "server/api/services.h"
#include "server/api/transport.h"
#include "server/blobs/blob_store.h"
#include "server/blobs/checkpoint_store.h"
#include "server/flags.h"
#include "server/jobs/catalog.h"
#include "server/jobs/job_state.h"
#include "server/jobs/timed_job_store.h"
#include "server/log.h"
#include "server/ops/http_server.h"
#include "server/ops/metrics.h"
#include "server/pool/worker_pool.h"
#include "spdlog/spdlog.h"

namespace automap {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(2);  // for streams to take their bookmark
constexpr absl::Duration kAnswersLeave = absl::Milliseconds(100);  // for what gRPC has to be sent
constexpr int kApiThreads = 8;
constexpr int64_t kTicksPerCleaning = 600;
constexpr rlim_t kWantedFiles = 65'536;

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
    events_ = std::make_unique<SharedEvents>(
        [this](const std::string& job, int64_t after, int limit) {
          return store_->EventsAfter(job, after, limit);
        },
        feed_);
    api_.reset(
        new Api{*jobs_, *modules_, *executor_, metrics_, *access_, limits_, room_, *events_});
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
    spdlog::info(
        R"("event":"listening","grpc":{},"port":{},"http":{},"workers":{},"reflection":{})",
        Quoted(flags_.transport.listen), transport_->port(), Quoted(flags_.http_listen),
        flags_.workers, transport_->has_reflection());
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
  std::unique_ptr<SharedEvents> events_;
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

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  automap::Flags flags;
  std::error_code error;
  flags.worker_program =
      (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "automap-worker")
          .string();
  CLI::App app("automapd: the Auto-MAP planning server");
  automap::AddFlags(app, flags);
  CLI11_PARSE(app, argc, argv);
  flags.transport.on_closed = automap::LogClosedConnection;
  flags.transport.knows_callers = !flags.principals.empty();
  return automap::Serve(flags);
}

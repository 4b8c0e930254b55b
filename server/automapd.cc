// automapd: the server. Opens the stores, starts the pool, the API and the HTTP side, and drains on
// SIGTERM.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "nlohmann/json.hpp"
#include "server/api/services.h"
#include "server/blobs/blob_store.h"
#include "server/jobs/catalog.h"
#include "server/ops/http_server.h"
#include "server/ops/metrics.h"
#include "server/pool/worker_pool.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace automap {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(2);

struct Flags {
  std::string listen = "127.0.0.1:8470", http_listen = "127.0.0.1:8471", data_dir = "automap-data",
              store = "sqlite";
  std::string worker_program;
  int workers = 2;
  int64_t worker_memory_bytes = WorkerLimits{}.memory_bytes,
          worker_cpu_seconds = WorkerLimits{}.cpu_seconds;
  int max_run_timeout_s = 3600, overrun_grace_s = 20;
};

void SetUpLog() {
  auto log = spdlog::stderr_logger_mt("automapd");
  log->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
  spdlog::set_default_logger(log);
}

int Refuse(const absl::Status& status) {
  std::cerr << "automapd: " << status.message() << "\n";
  return 1;
}

absl::StatusOr<std::unique_ptr<JobStore>> OpenStore(const std::string& scheme,
                                                    const std::string& folder) {
  for (const JobStoreRow& row : JobStores()) {
    if (row.scheme == scheme) return row.open(folder);
  }
  return absl::InvalidArgumentError(absl::StrCat("--store ", scheme, ": there is no such store"));
}

void LogEnd(const JobEnd& end) {
  spdlog::info(
      R"("event":"job ended","job":"{}","state":"{}","attempts":{},"waited_s":{:.3f},"ran_s":{:.3f},"error":{})",
      end.job.name(), v1::PlanJob::State_Name(end.job.state()), end.job.attempts(),
      absl::ToDoubleSeconds(end.waited), absl::ToDoubleSeconds(end.ran),
      nlohmann::json(end.job.error().message())
          .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
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
  return signals;
}

std::unique_ptr<grpc::Server> StartGrpc(const Flags& flags, const Limits& limits,
                                        v1::Planner::CallbackService& planner,
                                        v1::Modules::CallbackService& modules) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(flags.listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&planner);
  builder.RegisterService(&modules);
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.max_message_bytes));
  // A compressed message is inflated before its size is checked: refuse compression.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  // A second server on the same port would start without an error and take part of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 256);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  return builder.BuildAndStart();
}

int Serve(const Flags& flags) {
  const sigset_t signals = BlockSignals();
  SetUpLog();
  std::error_code error;
  std::filesystem::create_directories(flags.data_dir, error);
  auto store = OpenStore(flags.store, flags.data_dir);
  if (!store.ok()) return Refuse(store.status());
  auto blobs = BlobStore::Open(absl::StrCat(flags.data_dir, "/modules"));
  if (!blobs.ok()) return Refuse(blobs.status());
  Metrics metrics;
  JobFeed feed;
  const Limits limits;
  PoolOptions options;
  options.worker_program = flags.worker_program;
  options.workers = flags.workers;
  options.limits = {flags.worker_memory_bytes, flags.worker_cpu_seconds};
  options.max_run_timeout = absl::Seconds(flags.max_run_timeout_s);
  options.overrun_grace = absl::Seconds(flags.overrun_grace_s);
  JobService* reader = nullptr;
  WorkerPool pool(
      options, **store, feed, [&](const v1::PlanSpec& spec) { return reader->ReadModuleOf(spec); },
      [&](const JobEnd& end) {
        metrics.JobEnded(end.job.state(), end.waited, end.ran);
        LogEnd(end);
      });
  JobService service(**store, **blobs, feed, pool, metrics, limits);
  reader = &service;
  Executor executor(4);
  const auto planner = MakePlannerService(service, executor);
  const auto modules = MakeModulesService(service, executor);
  const std::unique_ptr<grpc::Server> server = StartGrpc(flags, limits, *planner, *modules);
  if (server == nullptr)
    return Refuse(absl::UnavailableError(
        absl::StrCat("cannot listen on ", flags.listen, "; is another server there?")));
  auto http = HttpServer::Start(
      flags.http_listen, {[&] {
                            metrics.SetWorkers(pool.busy(), options.workers, pool.worker_deaths());
                            metrics.SetWatchers(feed.watcher_count());
                            return metrics.Text();
                          },
                          [&] { return !service.is_draining(); }});
  if (!http.ok()) return Refuse(http.status());
  pool.Start();
  spdlog::info(R"("event":"listening","grpc":"{}","http":"{}","workers":{})", flags.listen,
               flags.http_listen, flags.workers);

  int signal_number = 0;
  sigwait(&signals, &signal_number);
  spdlog::info(R"("event":"draining","signal":{})", signal_number);
  server->GetHealthCheckService()->SetServingStatus(false);
  service.BeginDrain();
  pool.Drain();
  server->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(kDrainGrace));
  server->Wait();
  spdlog::info(R"("event":"stopped")");
  return 0;
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
  app.add_option("--listen", flags.listen, "HOST:PORT for gRPC");
  app.add_option("--http-listen", flags.http_listen,
                 "HOST:PORT for /metrics, /healthz and /readyz");
  app.add_option("--data-dir", flags.data_dir, "folder for jobs and modules");
  app.add_option("--store", flags.store, "where jobs are kept: sqlite");
  app.add_option("--workers", flags.workers, "jobs that run at once")->check(CLI::Range(1, 256));
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
  CLI11_PARSE(app, argc, argv);
  return automap::Serve(flags);
}

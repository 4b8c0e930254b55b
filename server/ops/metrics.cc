#include "server/ops/metrics.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "base/version.h"
#include "prometheus/text_serializer.h"

namespace automap {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

const Buckets kJobSeconds = {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800};
const Buckets kCallSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 60, 600};
const Buckets kGaps = {0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};

auto& NewCounters(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

auto& NewGauges(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

auto& NewHistograms(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

std::string StateLabel(v1::PlanJob::State state) {
  return absl::AsciiStrToLower(v1::PlanJob::State_Name(state));
}

double OpenFiles() {
  std::error_code error;
  int count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       it != std::filesystem::directory_iterator(); it.increment(error))
    ++count;
  return count;
}

double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Metrics::Metrics()
    : created_(NewCounters(registry_, "automap_jobs_created_total", "Jobs acknowledged.").Add({})),
      uploaded_(NewCounters(registry_, "automap_uploaded_bytes_total", "Bytes of modules uploaded.")
                    .Add({})),
      cut_off_(NewCounters(registry_, "automap_watch_cut_off_total",
                           "Streams of events ended because their clients took nothing.")
                   .Add({})),
      fenced_(NewCounters(registry_, "automap_fence_rejections_total",
                          "Writes refused because another runner had the job.")
                  .Add({})),
      refused_(NewCounters(registry_, "automap_connections_refused_total",
                           "Connections closed at once, by reason.")),
      closed_(NewCounters(registry_, "automap_connections_closed_total",
                          "Connections closed for what they sent, by reason.")),
      ended_(NewCounters(registry_, "automap_jobs_ended_total", "Jobs that ended, by state.")),
      rejected_(NewCounters(registry_, "automap_requests_rejected_total", "Refusals, by reason.")),
      cache_(
          NewCounters(registry_, "automap_plan_cache_lookups_total", "Looks into the plan cache.")),
      deaths_(NewCounters(registry_, "automap_worker_deaths_total", "Workers lost, by cause.")),
      checkpoints_(NewCounters(registry_, "automap_checkpoints_total",
                               "Checkpoints of searches, by what became of them.")),
      store_errors_(NewCounters(registry_, "automap_store_errors_total",
                                "Operations of the store that failed, by operation.")),
      busy_(NewGauges(registry_, "automap_workers_busy", "Workers whose job computes.").Add({})),
      workers_(NewGauges(registry_, "automap_workers", "Workers that may run.").Add({})),
      paused_(NewGauges(registry_, "automap_jobs_paused",
                        "Started jobs that wait while other callers' compute.")
                  .Add({})),
      watchers_(
          NewGauges(registry_, "automap_watch_streams", "Open streams of job events.").Add({})),
      connections_(NewGauges(registry_, "automap_connections", "Open gRPC connections.").Add({})),
      oldest_(NewGauges(registry_, "automap_queue_oldest_wait_seconds",
                        "How long the oldest pending job has waited.")
                  .Add({})),
      fds_(NewGauges(registry_, "process_open_fds", "Open file descriptors.").Add({})),
      resident_(NewGauges(registry_, "process_resident_memory_bytes", "Resident memory.").Add({})),
      jobs_(NewGauges(registry_, "automap_jobs", "Jobs that have not ended, by state.")),
      waited_(NewHistograms(registry_, "automap_job_wait_seconds",
                            "From creation to the start of the last attempt.")
                  .Add({}, kJobSeconds)),
      ran_(NewHistograms(registry_, "automap_job_run_seconds", "Time of the last attempt.")
               .Add({}, kJobSeconds)),
      handling_(NewHistograms(registry_, "automap_grpc_server_handling_seconds",
                              "Calls, by method and code.")),
      store_(NewHistograms(registry_, "automap_store_seconds", "Operations of the job store.")),
      search_(NewHistograms(registry_, "automap_search_seconds", "Searches, by strategy.")),
      gap_(NewHistograms(registry_, "automap_search_gap",
                         "How far plans are from their proved bound, by strategy.")) {
  NewGauges(registry_, "automap_build_info", "Version of the server.")
      .Add({{"version", kPlannerVersion}})
      .Set(1);
  // So that panels and alerts have data before the first of each happens.
  for (const char* cause : {"crashed", "silent", "overran"}) deaths_.Add({{"cause", cause}});
  for (const char* outcome : {"written", "failed", "resumed", "ignored"})
    checkpoints_.Add({{"outcome", outcome}});
  for (const char* result : {"hit", "miss"}) cache_.Add({{"result", result}});
  for (const auto state :
       {v1::PlanJob::SUCCEEDED, v1::PlanJob::FAILED, v1::PlanJob::CANCELLED, v1::PlanJob::EXPIRED})
    ended_.Add({{"state", StateLabel(state)}});
  for (const char* reason :
       {"too_many", "too_many_of_host", "host_sent_too_much", "no_descriptors"})
    refused_.Add({{"reason", reason}});
  for (const char* reason : {"calls_given_up", "unfinished_calls", "empty_bytes"})
    closed_.Add({{"reason", reason}});
  for (const char* operation : {"create", "claim", "update"})
    store_errors_.Add({{"operation", operation}});
  rejected_.Add({{"reason", "QUEUE_FULL"}});
}

void Metrics::JobEnded(v1::PlanJob::State state, absl::Duration waited, absl::Duration ran) {
  ended_.Add({{"state", StateLabel(state)}}).Increment();
  waited_.Observe(absl::ToDoubleSeconds(waited));
  ran_.Observe(absl::ToDoubleSeconds(ran));
}

void Metrics::PlanFound(const v1::Plan& plan) {
  search_.Add({{"strategy", plan.strategy()}}, kJobSeconds).Observe(plan.search().wall_s());
  if (plan.bound().lower_bound_s() > 0)
    gap_.Add({{"strategy", plan.strategy()}}, kGaps).Observe(plan.bound().gap());
}

void Metrics::CacheLookedUp(bool hit) {
  cache_.Add({{"result", hit ? "hit" : "miss"}}).Increment();
}

void Metrics::Answered(const char* method, absl::StatusCode code, const std::string& reason,
                       absl::Duration time) {
  CallSeconds(method, code).Observe(absl::ToDoubleSeconds(time));
  if (code != absl::StatusCode::kOk && code != absl::StatusCode::kCancelled)
    rejected_.Add({{"reason", reason}}).Increment();
}

prometheus::Histogram& Metrics::CallSeconds(const char* method, absl::StatusCode code) {
  MutexLock lock(mutex_);
  prometheus::Histogram*& known = calls_[{method, code}];
  if (known == nullptr) {
    known = &handling_.Add({{"method", method}, {"code", absl::StatusCodeToString(code)}},
                           kCallSeconds);
  }
  return *known;
}

prometheus::Histogram& Metrics::StoreSeconds(const char* operation) {
  MutexLock lock(mutex_);
  prometheus::Histogram*& known = operations_[operation];
  if (known == nullptr) known = &store_.Add({{"operation", operation}}, kCallSeconds);
  return *known;
}

void Metrics::StoreAnswered(const char* operation, absl::Duration time, absl::StatusCode code) {
  StoreSeconds(operation).Observe(absl::ToDoubleSeconds(time));
  const bool failed = code == absl::StatusCode::kInternal ||
                      code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDataLoss;
  if (failed) store_errors_.Add({{"operation", operation}}).Increment();
}

void Metrics::Set(const Present& present) {
  busy_.Set(present.workers_busy);
  workers_.Set(present.workers);
  paused_.Set(present.jobs_paused);
  watchers_.Set(static_cast<double>(present.watchers));
  connections_.Set(static_cast<double>(present.connections));
  oldest_.Set(absl::ToDoubleSeconds(present.oldest_wait));
  for (const auto state : {v1::PlanJob::PENDING, v1::PlanJob::RUNNING, v1::PlanJob::CANCELLING}) {
    const auto count = present.jobs.find(state);
    jobs_.Add({{"state", StateLabel(state)}})
        .Set(count == present.jobs.end() ? 0 : static_cast<double>(count->second));
  }
  fds_.Set(OpenFiles());
  resident_.Set(ResidentBytes());
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace automap

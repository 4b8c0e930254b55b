#include "server/ops/metrics.h"

#include "absl/strings/ascii.h"
#include "base/version.h"
#include "prometheus/text_serializer.h"

namespace automap {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {0.01, 0.05, 0.1, 0.5, 1,
                                                          5,    10,   60,  300, 1800};

prometheus::Counter& Counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Gauge& Gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Histogram& Histogram(prometheus::Registry& registry, const char* name,
                                 const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, kSeconds);
}

}  // namespace

Metrics::Metrics()
    : created_(Counter(registry_, "automap_jobs_created_total", "Jobs that were acknowledged.")),
      ended_(prometheus::BuildCounter()
                 .Name("automap_jobs_ended_total")
                 .Help("Jobs that ended, by state.")
                 .Register(registry_)),
      rejected_(prometheus::BuildCounter()
                    .Name("automap_requests_rejected_total")
                    .Help("Requests refused, by reason.")
                    .Register(registry_)),
      uploaded_(Counter(registry_, "automap_uploaded_bytes_total",
                        "Bytes of modules that were uploaded.")),
      busy_(Gauge(registry_, "automap_workers_busy", "Workers with a job.")),
      workers_(Gauge(registry_, "automap_workers", "Workers that may run.")),
      deaths_(Gauge(registry_, "automap_worker_deaths",
                    "Worker processes that died with a task since the start.")),
      watchers_(Gauge(registry_, "automap_watch_streams", "Open streams of job events.")),
      waited_(Histogram(registry_, "automap_job_wait_seconds",
                        "Time from creation to the start of the last attempt.")),
      ran_(Histogram(registry_, "automap_job_run_seconds", "Time of the last attempt.")) {
  prometheus::BuildGauge()
      .Name("automap_build_info")
      .Help("Version of the server.")
      .Register(registry_)
      .Add({{"version", kPlannerVersion}})
      .Set(1);
}

void Metrics::JobEnded(v1::PlanJob::State state, absl::Duration waited, absl::Duration ran) {
  ended_.Add({{"state", absl::AsciiStrToLower(v1::PlanJob::State_Name(state))}}).Increment();
  waited_.Observe(absl::ToDoubleSeconds(waited));
  ran_.Observe(absl::ToDoubleSeconds(ran));
}

void Metrics::Rejected(const std::string& reason) {
  rejected_.Add({{"reason", reason}}).Increment();
}

void Metrics::SetWorkers(int busy, int total, int64_t deaths) {
  busy_.Set(busy);
  workers_.Set(total);
  deaths_.Set(static_cast<double>(deaths));
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace automap

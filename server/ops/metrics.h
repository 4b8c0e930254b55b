// What an operator sees: counters and gauges in Prometheus' text format. docs/runbook.md says what
// to make of them.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "automap/v1/job.pb.h"
#include "automap/v1/plan.pb.h"
#include "base/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace automap {

// Thread-safe. No label takes its values from what callers send.
class Metrics {
 public:
  Metrics();

  void JobCreated() { created_.Increment(); }
  void JobEnded(v1::PlanJob::State state, absl::Duration waited, absl::Duration ran);
  void PlanFound(const v1::Plan& plan);
  void CacheLookedUp(bool hit);
  // A call ended; `reason` says why it was refused, where it was. `method` is a literal.
  void Answered(const char* method, absl::StatusCode code, const std::string& reason,
                absl::Duration time);
  void UploadedBytes(int64_t bytes) { uploaded_.Increment(static_cast<double>(bytes)); }
  void WatcherCutOff() { cut_off_.Increment(); }
  void WorkerDied(const std::string& cause) { deaths_.Add({{"cause", cause}}).Increment(); }
  void CheckpointDone(const std::string& outcome) {
    checkpoints_.Add({{"outcome", outcome}}).Increment();
  }
  void Fenced() { fenced_.Increment(); }
  // `operation` is a literal.
  void StoreAnswered(const char* operation, absl::Duration time, absl::StatusCode code);
  void ConnectionRefused(const std::string& reason) {
    refused_.Add({{"reason", reason}}).Increment();
  }
  void ConnectionClosed(const std::string& reason) {
    closed_.Add({{"reason", reason}}).Increment();
  }

  // What is set just before a scrape.
  struct Present {
    int workers_busy = 0, workers = 0, jobs_paused = 0;
    int64_t watchers = 0, connections = 0;
    std::map<v1::PlanJob::State, int64_t> jobs;
    absl::Duration oldest_wait = absl::ZeroDuration();
  };
  void Set(const Present& present);

  std::string Text() const;

 private:
  using Counters = prometheus::Family<prometheus::Counter>;
  using Gauges = prometheus::Family<prometheus::Gauge>;
  using Histograms = prometheus::Family<prometheus::Histogram>;

  prometheus::Histogram& CallSeconds(const char* method, absl::StatusCode code);
  prometheus::Histogram& StoreSeconds(const char* operation);

  prometheus::Registry registry_;
  prometheus::Counter &created_, &uploaded_, &cut_off_, &fenced_;
  Counters &refused_, &closed_, &ended_, &rejected_, &cache_, &deaths_, &checkpoints_,
      &store_errors_;
  prometheus::Gauge &busy_, &workers_, &paused_, &watchers_, &connections_, &oldest_, &fds_,
      &resident_;
  Gauges& jobs_;
  prometheus::Histogram &waited_, &ran_;
  Histograms &handling_, &store_, &search_, &gap_;
  // Those of every call, by literals: a family makes a new histogram to find out that it has one.
  Mutex mutex_;
  std::map<std::pair<const char*, absl::StatusCode>, prometheus::Histogram*> calls_
      ABSL_GUARDED_BY(mutex_);
  std::map<const char*, prometheus::Histogram*> operations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace automap

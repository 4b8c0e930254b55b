// What an operator sees: counters and gauges in Prometheus' text format.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "automap/v1/job.pb.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace automap {

// Thread-safe.
class Metrics {
 public:
  Metrics();

  void JobCreated() { created_.Increment(); }
  void JobEnded(v1::PlanJob::State state, absl::Duration waited, absl::Duration ran);
  void Rejected(const std::string& reason);
  void UploadedBytes(int64_t bytes) { uploaded_.Increment(static_cast<double>(bytes)); }
  // Set just before a scrape.
  void SetWorkers(int busy, int total, int64_t deaths);
  void SetWatchers(int64_t count) { watchers_.Set(static_cast<double>(count)); }

  std::string Text() const;

 private:
  prometheus::Registry registry_;
  prometheus::Counter& created_;
  prometheus::Family<prometheus::Counter>& ended_;
  prometheus::Family<prometheus::Counter>& rejected_;
  prometheus::Counter& uploaded_;
  prometheus::Gauge &busy_, &workers_, &deaths_, &watchers_;
  prometheus::Histogram &waited_, &ran_;
};

}  // namespace automap

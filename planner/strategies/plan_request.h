// What one strategy is asked, and the little that all of them do alike.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/plan.pb.h"
#include "planner/explore/pipeline/layer_chain.h"
#include "planner/explore/pipeline/step_facts.h"
#include "planner/plan/prepared_module.h"
#include "planner/plan_observer.h"
#include "planner/search/engines.h"

namespace automap {

struct PlanRequest {
  const PreparedModule* module;  // null: the request is about `profile`
  const LayerChain* profile;     // null: it is about `module`
  std::string profile_sha256;
  const v1::Cluster& cluster_proto;
  const Cluster& cluster;
  const v1::PlanOptions& options;
  const PlanObserver* observer;
  const std::function<bool()>& stop;
  SearchJournal* journal;  // may be null
  Preset preset = Preset::kDefault;
  Semantics semantics = {};
  absl::string_view bytes = {};  // what `module` or `profile` was read from
  // A search beside another one: the exact choice and greedy search alone, no learning, and only
  // what is listed here.
  struct Narrow {
    std::vector<std::string> strategies;
    std::vector<int32_t> axis_sizes;     // of "opp" and "hybrid"; empty: all
    std::vector<int32_t> micro_batches;  // empty: all
  };
  std::optional<Narrow> quick = {};
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::shared_ptr<StepFacts> facts = {};  // of `module`

  v1::Plan::Semantics semantics_proto() const;
  // Whether an engine that has reached the proven bound is done. The paper's agent, and one whose
  // number of decisions is given, goes on.
  bool stops_at_proof() const { return preset == Preset::kDefault && options.max_decisions() <= 0; }
};

// `step_time` is equal to a bound that sums the same numbers in another order.
void FillBound(Seconds lower_bound, const std::string& proof, double step_time,
               v1::Plan::Bound& message);

// Of a step time; less is the same plan by another sum.
inline constexpr double kLeastImprovement = 1e-9;

// Fits before not; then the clearly shorter step; among plans that do not fit, the smaller one.
bool IsBetterCost(const v1::Plan::Cost& a, const v1::Plan::Cost& b, bool ignore_memory);

// Tells the observer how far a search is, at most every 100 ms but for improvements.
class ProgressReporter {
 public:
  explicit ProgressReporter(const PlanRequest& request) : request_(request) {}

  bool IsDue(bool improved) const;
  // Fills in what depends on time and sends.
  void Send(v1::Progress progress);

 private:
  double elapsed() const;  // seconds since the request began

  const PlanRequest& request_;
  double next_ = 0;
  std::string engine_;
  double engine_start_ = 0;
};

}  // namespace automap

// All engines on one problem of pipeline stages.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/pipeline_engines.h"
#include "planner/strategies/search_report.h"

namespace automap {

using PipelineReport = SearchReport<PipelineOutcome>;

// Writes the plan of some cuts, without its bound and how it was found.
using DescribeCuts = std::function<absl::StatusOr<v1::Plan>(const PipelineCuts&)>;

// What is searched: `bound` was found, with the cuts that reach it; `early` are the best that were
// found on the way, if any. `name` is the strategy's, for the journal.
struct CutTask {
  std::string name;
  const PipelineProblem& problem;
  const PipelineBound& bound;
  std::optional<PipelineCuts> early;
};

// The best of the bound and of what was found early; passed on but for the paper's preset.
PipelineOutcome ProveCuts(const PlanRequest& request, const CutTask& task,
                          const DescribeCuts& describe, PipelineReport& report);

// What others must beat: the time of `exact`; nothing under the paper's preset, which reports its
// agent's plan.
std::optional<Seconds> ProvenTime(const PlanRequest& request, const PipelineOutcome& exact);

// Runs the engines of the request's preset; passes improvements on. Their outcomes, judged by
// simulation, and `exact` last.
absl::StatusOr<std::vector<PipelineOutcome>> LearnCuts(const PlanRequest& request,
                                                       const CutTask& task, PipelineOutcome exact,
                                                       const DescribeCuts& describe,
                                                       PipelineReport& report);

// The plan of the best of them, one of which must be usable, with what bounds the whole strategy
// and how it was found; among equals of the first. The paper's preset reports its own agent's,
// unless that does not fit.
absl::StatusOr<v1::Plan> PlanOfBest(const PlanRequest& request, const PipelineProblem& problem,
                                    const PipelineBound& bound,
                                    const std::vector<PipelineOutcome>& outcomes,
                                    const DescribeCuts& describe, const PipelineReport& report);

// Whether an option about stages or micro-batches is out of range.
absl::Status CheckPipelineOptions(const v1::PlanOptions& options);

// The numbers of micro-batches to try: the option's, or divisors of the batch of which each is
// twice the one before.
std::vector<int32_t> MicroBatchesToTry(const PlanRequest& request);

}  // namespace automap

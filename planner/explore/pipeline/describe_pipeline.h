// Writes down what cuts mean: the plan's message, but for how it was found; and reads it back.
#pragma once

#include "absl/status/statusor.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"
#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

inline constexpr char kPipelineSchedule[] = "1F1B";

// The plan of a module, or of a profile when `module` is null, whose digest is then given.
absl::StatusOr<v1::Plan> DescribePipelinePlan(
    const PreparedModule* module, const std::string& profile_sha256, const v1::Cluster& cluster,
    const PipelineProblem& problem, const PipelineCuts& cuts, const v1::Plan::Semantics& semantics);

// Stages, micro-batches, schedule, cost and the warnings that follow from them, written into a plan
// that has everything else.
void DescribePipeline(const PipelineProblem& problem, const PipelineCuts& cuts, v1::Plan& plan);

// The cuts that a plan's stages state. FAILED_PRECONDITION with the field's path where the stages
// do not fit the chain or the devices.
absl::StatusOr<PipelineCuts> CutsOf(const PipelineProblem& problem, const v1::Plan& plan);

}  // namespace automap

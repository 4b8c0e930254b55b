// Writes down what cuts mean: the plan's message, but for how it was found; and reads it back.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"
#include "planner/explore/pipeline/pipeline_problem.h"
#include "planner/explore/pipeline/step_costs.h"

namespace automap {

// What a plan with so many stages is called: "hybrid" with a model axis; without one "pp", or
// "adp" where one stage on all devices leaves nothing but data parallelism.
inline const char* StrategyOfStages(int32_t stages, int32_t axis_size) {
  if (axis_size > 1) return "hybrid";
  return stages > 1 ? "pp" : "adp";
}

// The plan of a module, or of a profile when `module` is null, whose digest is then given. `model`
// are the splits that the chain was made with, null for none: with them it is a hybrid plan.
absl::StatusOr<v1::Plan> DescribePipelinePlan(
    const PreparedModule* module, const std::string& profile_sha256, const v1::Cluster& cluster,
    const PipelineProblem& problem, const PipelineCuts& cuts, const v1::Plan::Semantics& semantics,
    const AxisDecisions* model = nullptr, const std::string& schedule = kPipelineSchedule);

// Stages, micro-batches, schedule, cost and the warnings that follow from them, written into a plan
// that has everything else. Times and micro-batches in flight are those of the event-driven
// simulation. INVALID_ARGUMENT where there is no such schedule or it cannot run these stages.
absl::Status DescribePipeline(const PipelineProblem& problem, const PipelineCuts& cuts,
                              const std::string& schedule, v1::Plan& plan);

// What a plan with stages is about: its splits, if any, and the chain that they make.
struct PlannedChain {
  std::optional<AxisDecisions> model;
  LayerChain chain;
  std::shared_ptr<const StepCosts> costs;  // what the chain is made of
  const AxisDecisions* splits() const { return model ? &*model : nullptr; }
};

// FAILED_PRECONDITION or INVALID_ARGUMENT with the field's path where the plan's mesh is no model
// axis that divides the cluster's devices, its splits conflict, or its micro-batches do not divide
// the batch.
absl::StatusOr<PlannedChain> ChainOfPlan(const PreparedModule& module, const Cluster& cluster,
                                         const v1::Plan& plan);

// The cuts that a plan's stages state. FAILED_PRECONDITION with the field's path where the stages
// do not fit the chain or the devices.
absl::StatusOr<PipelineCuts> CutsOf(const PipelineProblem& problem, const v1::Plan& plan);

}  // namespace automap

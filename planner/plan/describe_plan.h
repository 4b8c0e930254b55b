// Writes down what decisions mean: the plan's message, but for how it was found.
#pragma once

#include "absl/status/statusor.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/decisions.h"
#include "simulator/evaluate.h"

namespace automap {

// Lower-case SHA-256 in hex of a cluster's deterministic serialization.
std::string ClusterDigest(const v1::Cluster& cluster);

// Names of the axes that splits of variables and of inputs are made on.
inline constexpr char kModelAxis[] = "model";
inline constexpr char kDataAxis[] = "data";

// Strategy, mesh, shardings, outputs, cost, digests, semantics and the warnings that follow from
// them; `bound`, `search` and `alternatives` are left to the caller. FAILED_PRECONDITION when the
// decisions conflict, INVALID_ARGUMENT when the mesh does not fit on the cluster.
absl::StatusOr<v1::Plan> DescribePlan(const PreparedModule& module, const v1::Cluster& cluster,
                                      const Decisions& decisions,
                                      const v1::Plan::Semantics& semantics);

// FAILED_PRECONDITION when a plan was made for other bytes.
absl::Status CheckPlanIsFor(const PreparedModule& module, const v1::Plan& plan);

// The decisions that a plan's shardings state: the splits of variables and inputs, axis by axis.
// INVALID_ARGUMENT with the field's path where the plan does not fit the module.
absl::StatusOr<Decisions> DecisionsOf(const PreparedModule& module, const v1::Plan& plan);

// Where the step time lies in nine cases of ten, from its parts.
void FillInterval(v1::Plan::Cost& cost);

// How likely the plan is faster than the best alternative that fits as it does, from their costs;
// no value without one.
void FillWinProbability(v1::Plan& plan);

}  // namespace automap

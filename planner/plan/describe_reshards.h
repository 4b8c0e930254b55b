// Cuts in a plan's message.
#pragma once

#include "absl/status/status.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/decisions.h"

namespace automap {

// One entry per cut, axis by axis: where it is, what moves there and how.
void FillReshards(const PreparedModule& module, const Decisions& decisions,
                  const std::vector<const Propagation*>& axes, v1::Plan& plan);

// Puts the plan's cuts into the axes that they name. INVALID_ARGUMENT with `reshards[i]...` where
// they do not fit the module.
absl::Status ReadCuts(const PreparedModule& module, const v1::Plan& plan, Decisions& decisions);

// A tensor by the name of its parameter, or by its producer.
std::string LabelOf(const PreparedModule& module, TensorId tensor);

}  // namespace automap

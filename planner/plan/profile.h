// Measured times in place of modelled ones.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/plan.pb.h"
#include "planner/plan/lowering.h"
#include "simulator/cluster/cluster.h"

namespace automap {

// Measured over modelled time by node (1 where nothing was measured), for Lowering::SetScales.
//
// An entry matches one instruction (by its path, or by a name that only one has), everything under
// a layer's name, or all instructions of an opcode; its seconds are those of all that it matches,
// unsplit, loop bodies once for each trip. Nodes of the backward pass (their name has "transpose(",
// as JAX writes it) share backward_s, the others forward_s; where there is one kind only, it shares
// both. A node takes the most specific entry: instruction, then the longest layer name, then
// opcode.
//
// INVALID_ARGUMENT with `profile[i].match` when an entry matches nothing that takes time, and with
// `profile[i].forward_s` when a time is negative, not finite, or none is given.
absl::StatusOr<std::vector<double>> ProfileScales(
    const Lowering& lowering, const google::protobuf::RepeatedPtrField<v1::ProfileEntry>& profile,
    const DeviceType& device);

}  // namespace automap

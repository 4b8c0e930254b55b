// Chains of measured layers, without a module.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/explore/pipeline/layer_chain.h"

namespace automap {

// Whether the bytes are a profile in either format; modules never are.
bool IsProfile(absl::string_view bytes);

// Reads a chain for one micro-batch, as if that were the whole batch. Two formats:
//
//   text  PipeDream's: lines `node4 -- layer_0 -- forward_compute_time=2.69,
//         backward_compute_time=4.47, activation_size=4325376, parameter_size=50384896` in
//         milliseconds and bytes, and edges `<tab>node4 -- node5`; layers in topological order, the
//         smallest number first. Nodes named Input are data on the host and are left out.
//   JSON  {"microBatch": 2, "layers": [{"name": ..., "forwardS": ..., "backwardS": ...,
//         "outputBytes": ..., "parameterBytes": ...}]}; without microBatch, replicas share evenly.
//
// A cut carries every output that is read behind it. Optimizer state is taken as twice the
// parameters (Adam). INVALID_ARGUMENT with the line or path; RESOURCE_EXHAUSTED above 512 layers.
absl::StatusOr<LayerChain> ReadProfile(absl::string_view bytes);

// The chain of a batch of that many micro-batches.
LayerChain ChainOfMicroBatches(const LayerChain& profile, int32_t micro_batches);

}  // namespace automap

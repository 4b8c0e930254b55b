// A training step as a chain of layers: all that cutting it into pipeline stages needs to know.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/units.h"
#include "planner/plan/decisions.h"
#include "simulator/cluster/cluster.h"

namespace automap {

// Seconds of a share f of the batch on one device: fixed + scaled x f, forward and backward; the
// update does not depend on the batch.
struct LayerTimes {
  Seconds forward_fixed, forward_scaled, backward_fixed, backward_scaled, update;
};

// Collectives of one kind on the model axis.
struct LayerExchange {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  int64_t count = 0, update_count = 0;  // for each micro-batch; once a step
  // Of what each device contributes: for each micro-batch fixed + scaled x its share of the batch;
  // once a step.
  Bytes fixed, scaled, update;
  LayerTimes times;  // part of the layer's, on every device type
};

// A consecutive part of the forward pass that is not cut further. Bytes are of the whole batch.
struct Layer {
  std::string cut_after;             // where it ends: call path and instruction; a profile's name
  std::string name;                  // of the layer it ends in, for people
  std::vector<LayerTimes> times;     // by device type of the cluster; one entry: all types alike
  Bytes boundary;                    // activations that cross a cut after it, each once
  Bytes gathered;                    // of those, what every device of a group needs whole
  Bytes saved;                       // activations kept from its forward to its backward pass
  Bytes variables, optimizer_state;  // homed in it
  Bytes gradients;                   // to all-reduce among replicas, once a step
  Bytes workspace;                   // of its largest batch-dependent operation
  Bytes fixed_workspace;             // of its largest other one
  int32_t variable_count = 0;
  int32_t forward_operations = 0;
  std::vector<LayerExchange> exchanges = {};  // by kind
  std::vector<LayerTimes> whole_times = {};   // by device type, were nothing split; empty: `times`
};

// A variable that several layers read. A stage that reads it without holding its home keeps a copy,
// sends its gradient home and gets the new value back, once a step.
struct SharedVariable {
  std::string name;
  Bytes bytes;
  int32_t home = 0;
  std::vector<int32_t> read_by;  // layers, ascending
};

struct LayerChain {
  std::vector<Layer> layers;  // at least one
  std::vector<SharedVariable> shared;
  int64_t batch = 0;  // samples in a step; 0: cut as finely as one likes
  // Devices that share a layer's arrays on a model axis. All bytes but boundary and gathered, and
  // all times, are of one of them.
  int32_t group_size = 1;
  std::vector<std::string> remarks;

  // Every stage needs a variable; layers without any before the first have to go with it.
  bool HasVariables() const;
};

// What a chain is made of besides the module and the cluster.
struct ChainOptions {
  int32_t micro_batches = 1;
  int32_t max_layers = 128;
  // Splits on the model axis, of places of that many consecutive devices; null: none. Propagated
  // after the batch. The size must divide the devices.
  const AxisDecisions* model = nullptr;
  Semantics semantics = {};  // of that axis
};

// Which of several dims is the batch is found by FindBatch; a module without one is a chain that
// only has one micro-batch and gains nothing from replicas (`batch` is 1).
//
// Cuts are where the fewest bytes cross within each of `max_layers` equal shares of the compute;
// never inside a loop; the same whatever is split. FAILED_PRECONDITION without a forward pass
// (FindPhases) or when the splits conflict; INVALID_ARGUMENT when the micro-batches do not divide
// the batch. O(graph x device types).
absl::StatusOr<LayerChain> ChainOfModule(const PreparedModule& module, const Cluster& cluster,
                                         const ChainOptions& options);
inline absl::StatusOr<LayerChain> ChainOfModule(const PreparedModule& module,
                                                const Cluster& cluster, int32_t micro_batches) {
  return ChainOfModule(module, cluster, ChainOptions{micro_batches});
}

// "encoder/block/3" of "jit(step)/jvp(Model)/encoder/block/3/layer/0/mul": without function
// wrappers, the model's class and the operation, up to the first number.
std::string LayerName(const std::string& operation_name);

}  // namespace automap

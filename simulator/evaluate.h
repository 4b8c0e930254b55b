// The front door of the simulator: what a program costs on a cluster.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "simulator/cluster/cluster.h"
#include "simulator/program.h"

namespace automap {

struct CollectiveTotal {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  int32_t axis = 0;
  int64_t count = 0;
  Bytes bytes;
  Seconds time;
};

struct MemoryUse {
  Bytes peak;                   // on the device that needs most
  Bytes limit;                  // of the smallest device in the mesh
  std::array<Bytes, 5> by_role; // at the peak, indexed by BufferRole
  std::vector<Buffer> largest;  // at the peak, at most ten, largest first
  bool fits() const { return peak <= limit; }
};

struct Evaluation {
  Seconds step_time;  // compute + communication
  Seconds compute;
  Seconds communication;
  double utilization = 0;  // compute seconds at a perfect split over the mesh's devices / step time
  std::vector<CollectiveTotal> collectives;  // by kind and axis, in that order
  MemoryUse memory;
};

// A cluster and a mesh on it, with everything that does not depend on the program worked out once.
// Immutable; cheap to copy.
class CostModel {
 public:
  // INVALID_ARGUMENT when the mesh does not fit on the cluster.
  static absl::StatusOr<CostModel> Create(const Cluster& cluster, const Mesh& mesh);

  // Seconds of one step, repeats included. A pure function: the time of a program is the sum over its steps.
  Seconds StepTime(const ComputeStep& step) const;
  Seconds StepTime(const CollectiveStep& step) const;

  // Memory that a plan may use on the smallest device of the mesh.
  Bytes memory_limit() const;

  // O(steps + buffers log buffers).
  Evaluation Evaluate(const Program& program) const;

 private:
  // For the implementation.
  struct Axis;
  DeviceType slowest_;
  std::vector<Axis> axes_;
  int32_t device_count_ = 1;
};

}  // namespace automap

// The front door of the simulator: what a program costs on a cluster.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "simulator/cluster/cluster.h"
#include "simulator/collective/cheapest.h"
#include "simulator/collective/collective_model.h"
#include "simulator/memory/peak.h"
#include "simulator/program.h"

namespace automap {

struct CollectiveTotal {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  int32_t axis = 0;
  int64_t count = 0;
  Bytes bytes;
  Seconds time;  // without what runs behind compute
};

struct Evaluation {
  Seconds step_time;  // compute + communication
  Seconds compute;
  Seconds communication;
  Seconds network;         // what of it leaves a server
  double utilization = 0;  // compute at a perfect split over the mesh's devices, over the step time
  std::vector<CollectiveTotal> collectives;  // by kind and axis, in that order
  MemoryPeak memory;
  Bytes memory_limit;
  bool fits() const { return memory.bytes <= memory_limit; }
};

// Compute that runs while a collective does.
struct Background {
  Seconds time;
  Seconds at_memory;  // of it in kernels that device memory bounds
};

// A cluster and a mesh on it, with everything that does not depend on the program worked out once.
// Immutable; cheap to copy.
class CostModel {
 public:
  // INVALID_ARGUMENT when the mesh does not fit on the cluster.
  static absl::StatusOr<CostModel> Create(const Cluster& cluster, const Mesh& mesh);

  // Seconds of one step, repeats included. A pure function: the time of a program is the sum over
  // its steps.
  Seconds StepTime(const ComputeStep& step) const;
  // One that runs as one with others pays its share of that, which is of 30 MiB at most (XLA's
  // default, xla_gpu_all_reduce_combine_threshold_bytes).
  Seconds StepTime(const CollectiveStep& step) const;

  // Of one all-reduce on an axis by its bytes: as StepTime, for who asks often.
  class AllReduceTime {
   public:
    explicit AllReduceTime(TransferCurves curves) : curves_(std::move(curves)) {}
    Seconds Of(Bytes bytes) const;

   private:
    TransferCurves curves_;  // empty: a single device
  };
  AllReduceTime AllReduceOn(int32_t axis) const;

  // What is seen of a collective of T seconds behind compute of C seconds, m of them bound by
  // device memory: what outlasts the compute, and what its own reads and writes of M seconds, of
  // which min(T, C) / T fall into C, take from those m:
  //
  //   max(0, T - C) + M min(T, C) / T m / C
  //
  // Every byte that a device sends, it reads, and reads or writes two that are added up or come in:
  // three accesses.
  Seconds TimeBehind(const CollectiveStep& step, const Background& compute) const;

  // Memory that a plan may use on the smallest device of the mesh: all but 1.5 GiB, which the
  // runtime keeps.
  Bytes memory_limit() const { return memory_limit_; }
  int32_t device_count() const { return device_count_; }
  // Whether groups of that axis span servers.
  bool LeavesServer(int32_t axis) const { return axes_[axis].servers > 1; }

  // O(steps + buffers).
  Evaluation Evaluate(const Program& program) const;

 private:
  Background BackgroundOf(const Program& program, size_t index) const;

  DeviceType slowest_;  // the least of every property over the mesh's devices
  Bytes memory_limit_;
  std::vector<GroupPath> axes_;
  int32_t device_count_ = 1;
};

}  // namespace automap

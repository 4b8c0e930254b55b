// What pipeline stages exchange on a cluster: gradients among the replicas of a stage, activations
// between neighbours.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "simulator/cluster/cluster.h"
#include "simulator/evaluate.h"

namespace automap {

// Stages are ranges of consecutive devices. Remembers what it worked out; not thread-safe.
class StageLinks {
 public:
  explicit StageLinks(const Cluster& cluster);

  const Cluster& cluster() const { return *cluster_; }

  // All-reduce of `bytes` among the devices [first, first + count).
  Seconds AllReduce(int32_t first, int32_t count, Bytes bytes);

  // One tensor of `bytes`, cut evenly over the sending devices [first, first + count), to the
  // receivers [first + count, first + count + next), cut evenly over them: the busiest of
  //
  //   each device's link     what it sends or receives inside its server / link bandwidth
  //   each server's ports    what leaves or enters the server / ports' bandwidth
  //   each switch's uplink   what leaves or enters what is below it / uplink
  //
  // plus one latency. O(count + next) the first time.
  Seconds Transfer(int32_t first, int32_t count, int32_t next, Bytes bytes);

  // One tensor of `bytes` over the cluster's slowest link.
  Seconds SlowestTransfer(Bytes bytes) const { return slowest_latency_ + bytes / slowest_; }

  // Index into cluster().types of the slowest device of a range, by its peak in 32 bits.
  int32_t SlowestType(int32_t first, int32_t count) const;

  // Memory that a plan may use on the smallest device of a range.
  Bytes MemoryLimit(int32_t first, int32_t count) const;

 private:
  struct Path {
    Seconds latency;
    double seconds_per_byte = 0;
  };
  Path FindPath(int32_t first, int32_t count, int32_t next) const;

  const Cluster* cluster_;
  std::vector<Bytes> limits_;                     // by device
  std::vector<std::optional<CostModel>> groups_;  // by first device and count
  std::unordered_map<int64_t, Path> paths_;       // by first device, count and next count
  BytesPerSecond slowest_;
  Seconds slowest_latency_;
};

}  // namespace automap

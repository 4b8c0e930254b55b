// What pipeline stages exchange on a cluster: gradients among the replicas of a stage, activations
// between neighbours.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "simulator/cluster/cluster.h"
#include "simulator/evaluate.h"

namespace automap {

// Stages are ranges of consecutive *places*. A place is a device, or `group_size` consecutive ones
// that share the stage's arrays. Remembers what it worked out; not thread-safe.
class StageLinks {
 public:
  // `group_size` must divide the cluster's devices.
  explicit StageLinks(const Cluster& cluster, int32_t group_size = 1);

  const Cluster& cluster() const { return *cluster_; }
  int32_t places() const { return places_; }
  int32_t group_size() const { return group_size_; }
  // The first place whose neighbourhood is like that of `place`, which is `place` itself unless all
  // servers are alike: what is exchanged among the places from there on takes the same time.
  int32_t Like(int32_t place) const { return like_[place]; }

  // All-reduce among the places [first, first + count): of `bytes` by each device of a place with
  // its like in the other places, all of them at once.
  Seconds AllReduce(int32_t first, int32_t count, Bytes bytes);

  // The devices of each place gather an array of `bytes` that they have a part of each; the slowest
  // place's time. 0 for places of one device.
  Seconds Gather(Bytes bytes);

  // One tensor of `bytes`, cut evenly over the devices of the sending places [first, first +
  // count), to the receivers [first + count, first + count + next), cut evenly over theirs: the
  // busiest of
  //
  //   each device's link     what it sends or receives inside its server / link bandwidth
  //   each server's ports    what leaves or enters the server / ports' bandwidth
  //   each switch's uplink   what leaves or enters what is below it / uplink
  //
  // plus one latency. O(devices) the first time.
  Seconds Transfer(int32_t first, int32_t count, int32_t next, Bytes bytes);

  // Latency and seconds of a byte of several transfers at least and at most, each on its own.
  struct AnySender {
    double least_per_byte = 0, most_per_byte = 0;
    Seconds least_latency, most_latency;
  };
  // To the places [cut, cut + next) from those from any of `firsts` to the cut. O(firsts), and what
  // Transfer takes for each.
  AnySender FromAnySender(absl::Span<const int32_t> firsts, int32_t cut, int32_t next);

  // One tensor of `bytes` over the cluster's slowest link.
  Seconds SlowestTransfer(Bytes bytes) const { return slowest_latency_ + bytes / slowest_; }

  // Index into cluster().types of the slowest device of a range of places, by its peak in 32 bits.
  int32_t SlowestType(int32_t first, int32_t count) const;

  // Memory that a plan may use on the smallest device of a range of places.
  Bytes MemoryLimit(int32_t first, int32_t count) const;

 private:
  struct Path {
    Seconds latency;
    double seconds_per_byte = 0;
  };
  // Of devices; of places.
  Path FindPath(int32_t first, int32_t count, int32_t next) const;
  const Path& PathOf(int32_t first, int32_t count, int32_t next);
  size_t RowOf(int32_t first, int32_t count) const {
    return Like(first) * (size_t{1} + places()) + count;
  }

  const Cluster* cluster_;
  int32_t group_size_, places_;
  int32_t period_;
  std::vector<int32_t> like_;                                    // by place
  std::vector<Bytes> limits_;                                    // by device
  std::vector<std::optional<CostModel::AllReduceTime>> groups_;  // by row: first place and count
  std::vector<std::vector<Path>> paths_;  // by row and next count; unknown: no time a byte
  // By a hash of the bytes, those asked for last.
  struct KnownGather {
    Bytes bytes;  // 0: none
    Seconds time;
  };
  std::vector<KnownGather> gathers_;
  std::optional<CostModel> within_;  // of places of several devices
  BytesPerSecond slowest_;
  Seconds slowest_latency_;
};

}  // namespace automap

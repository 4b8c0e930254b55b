// Draws indices with probability proportional to their weight.
#pragma once

#include <cstdint>
#include <vector>

namespace automap {

// A binary tree of partial sums in doubles, capacity rounded up to a power of two. Inner nodes are
// recomputed from their children, so rounding errors do not pile up. Set and Find take O(log
// capacity).
class SumTree {
 public:
  explicit SumTree(int64_t capacity);

  void Set(int64_t index, double weight);  // weight >= 0
  double Get(int64_t index) const { return nodes_[leaves_ + index]; }
  double total() const { return nodes_[1]; }
  // The index whose share of [0, total()) holds `position`. An index of weight 0 is never returned
  // while total() > 0.
  int64_t Find(double position) const;
  // base/archive.h; into a tree of the same capacity.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive.Prefix(self.nodes_, static_cast<int64_t>(self.nodes_.size()));
  }

 private:
  int64_t leaves_ = 1;
  std::vector<double> nodes_;  // root at 1, children of n at 2n and 2n + 1
};

}  // namespace automap

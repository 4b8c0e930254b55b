#include "agent/replay/sum_tree.h"

namespace automap {

SumTree::SumTree(int64_t capacity) {
  while (leaves_ < capacity) leaves_ *= 2;
  nodes_.assign(2 * leaves_, 0.0);
}

void SumTree::Set(int64_t index, double weight) {
  int64_t node = leaves_ + index;
  nodes_[node] = weight;
  while ((node /= 2) >= 1) nodes_[node] = nodes_[2 * node] + nodes_[2 * node + 1];
}

int64_t SumTree::Find(double position) const {
  int64_t node = 1;
  while (node < leaves_) {
    const double left = nodes_[2 * node];
    const bool goes_left = position < left || nodes_[2 * node + 1] <= 0;
    if (!goes_left) position -= left;
    node = 2 * node + (goes_left ? 0 : 1);
  }
  return node - leaves_;
}

}  // namespace automap

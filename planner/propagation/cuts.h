// Places where a split is not handed on: the price of a plan that strict propagation refuses.
//
// Cutting an operand place means that the node reads the whole array: gathered, or split anew as
// the node wants it. Cutting a replacement means that a new value is stored as its parameter is
// split, not the other way round. With the cuts given, propagation is as strict as without: the
// result does not depend on the order of work.
#pragma once

#include <cstdint>
#include <vector>

#include "planner/propagation/wiring.h"

namespace automap {

// An operand place of a node; or, with node -1, the tensor `operand` as a parameter's new value.
struct Cut {
  NodeId node = -1;
  int32_t operand = 0;
  auto operator<=>(const Cut&) const = default;
};

class Cuts {
 public:
  explicit Cuts(const Wiring& wiring) : wiring_(&wiring) {}

  // Adding what is there changes nothing.
  void Add(Cut cut);
  void Clear();

  bool empty() const { return list_.empty(); }
  const std::vector<Cut>& list() const { return list_; }  // sorted
  bool Has(const Wiring::Use& use) const { return !is_cut_.empty() && is_cut_[use.factors_begin]; }
  bool HasReplacement(TensorId tensor) const;

 private:
  const Wiring* wiring_;
  std::vector<Cut> list_;
  std::vector<bool> is_cut_;  // by operand place in the wiring; empty: none
};

}  // namespace automap

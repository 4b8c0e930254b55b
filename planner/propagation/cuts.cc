#include "planner/propagation/cuts.h"

#include <algorithm>

namespace automap {

void Cuts::Add(Cut cut) {
  const auto place = std::lower_bound(list_.begin(), list_.end(), cut);
  if (place != list_.end() && *place == cut) return;
  list_.insert(place, cut);
  if (cut.node < 0) return;
  if (is_cut_.empty()) is_cut_.assign(wiring_->place_count(), false);
  is_cut_[wiring_->PlaceOf(cut.node, cut.operand)] = true;
}

void Cuts::Clear() {
  for (const Cut& cut : list_) {
    if (cut.node >= 0) is_cut_[wiring_->PlaceOf(cut.node, cut.operand)] = false;
  }
  list_.clear();
}

bool Cuts::HasReplacement(TensorId tensor) const {
  return std::binary_search(list_.begin(), list_.end(), Cut{-1, tensor});
}

}  // namespace automap

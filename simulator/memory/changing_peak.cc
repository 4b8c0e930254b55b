#include "simulator/memory/changing_peak.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {

constexpr int32_t kBlock = 16;  // steps
constexpr double kUnits = 1024;

int64_t UnitsOf(Bytes bytes) { return std::llround(bytes.value * kUnits); }

}  // namespace

ChangingPeak::ChangingPeak(absl::Span<const Buffer> buffers, int32_t step_count) {
  const int32_t blocks = step_count / kBlock + 1;
  while (leaves_ < blocks) leaves_ *= 2;
  change_.assign(static_cast<size_t>(leaves_) * kBlock, 0);
  tree_.resize(2 * static_cast<size_t>(leaves_));
  is_touched_.assign(leaves_, false);
  for (const Buffer& buffer : buffers) {
    const int64_t size = UnitsOf(buffer.bytes);
    lives_.push_back({buffer.first_step, buffer.last_step + 1, size});
    change_[buffer.first_step] += size;
    change_[buffer.last_step + 1] -= size;
  }
  for (int32_t block = 0; block < leaves_; ++block) {
    is_touched_[block] = true;
    touched_.push_back(block);
  }
}

void ChangingPeak::Resize(int32_t buffer, Bytes bytes) {
  Life& life = lives_[buffer];
  const int64_t size = UnitsOf(bytes), change = size - life.size;
  if (change == 0) return;
  life.size = size;
  Touch(life.first, change);
  Touch(life.end, -change);
}

void ChangingPeak::Touch(int32_t step, int64_t change) {
  change_[step] += change;
  const int32_t block = step / kBlock;
  if (is_touched_[block]) return;
  is_touched_[block] = true;
  touched_.push_back(block);
}

ChangingPeak::Part ChangingPeak::OfBlock(int32_t block) const {
  Part part;
  for (int32_t step = block * kBlock; step < (block + 1) * kBlock; ++step) {
    part.sum += change_[step];
    part.highest = std::max(part.highest, part.sum);
  }
  return part;
}

Bytes ChangingPeak::Peak() {
  for (const int32_t block : touched_) {
    tree_[leaves_ + block] = OfBlock(block);
    is_touched_[block] = false;
  }
  // Level by level upwards; a parent is worked out once for both of its children.
  std::vector<int32_t>& level = touched_;
  for (int32_t& block : level) block += leaves_;
  std::sort(level.begin(), level.end());
  while (!level.empty() && level.front() > 1) {
    size_t kept = 0;
    for (const int32_t node : level) {
      const int32_t parent = node / 2;
      if (kept > 0 && level[kept - 1] == parent) continue;
      const Part &left = tree_[2 * parent], &right = tree_[2 * parent + 1];
      tree_[parent] = {left.sum + right.sum, std::max(left.highest, left.sum + right.highest)};
      level[kept++] = parent;
    }
    level.resize(kept);
  }
  level.clear();
  return {static_cast<double>(tree_[1].highest) / kUnits};
}

}  // namespace automap

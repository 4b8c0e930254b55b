#include "simulator/memory/peak.h"

#include <algorithm>

namespace automap {

MemoryPeak PeakOf(absl::Span<const Buffer> buffers, int32_t step_count) {
  std::vector<double> change(step_count + 1, 0);
  for (const Buffer& buffer : buffers) {
    change[buffer.first_step] += buffer.bytes.value;
    change[buffer.last_step + 1] -= buffer.bytes.value;
  }
  MemoryPeak peak;
  double live = 0;
  for (int32_t step = 0; step < step_count; ++step) {
    live += change[step];
    if (live > peak.bytes.value) peak.bytes = {live}, peak.step = step;
  }
  std::vector<Buffer> alive;
  peak.bytes = {0};
  for (const Buffer& buffer : buffers) {
    if (buffer.first_step > peak.step || buffer.last_step < peak.step) continue;
    peak.bytes += buffer.bytes;
    peak.by_role[static_cast<int>(buffer.role)] += buffer.bytes;
    alive.push_back(buffer);
  }
  const size_t count = std::min<size_t>(10, alive.size());
  std::partial_sort(alive.begin(), alive.begin() + count, alive.end(),
                    [](const Buffer& a, const Buffer& b) {
                      return a.bytes != b.bytes ? a.bytes > b.bytes : a.label < b.label;
                    });
  alive.resize(count);
  peak.largest = std::move(alive);
  return peak;
}

}  // namespace automap

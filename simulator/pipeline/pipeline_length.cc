#include "simulator/pipeline/pipeline_length.h"

#include <algorithm>
#include <limits>

#include "absl/container/inlined_vector.h"

namespace automap {
namespace {

// Seconds to stages of the ways that every micro-batch takes.
struct Ways {
  absl::InlinedVector<double, 64> before;  // both ways through all stages before, transfers too
  double whole = 0;                        // both ways through all stages
};

Ways WaysOf(absl::Span<const PipelineStage> stages) {
  Ways ways;
  ways.before.resize(stages.size());
  for (size_t s = 0; s < stages.size(); ++s) {
    const PipelineStage& stage = stages[s];
    ways.before[s] = ways.whole;
    ways.whole += stage.forward.value + stage.backward.value;
    if (s + 1 < stages.size()) ways.whole += stage.send.value + stage.send_back.value;
  }
  return ways;
}

// The longest of the windows that end at stage `t`, its last backward's way home included.
double WindowLength(const Ways& ways, const PipelineStage& stage, int32_t t, int32_t m) {
  const int32_t count = static_cast<int32_t>(ways.before.size());
  const double b = stage.backward.value;
  const double end = ways.before[t] + stage.forward.value + b;
  double longest = 0;
  // In floating point, so that the loop is done two windows at a time: (a + 1/2) / n is never near
  // a whole number.
  for (int32_t s = std::max(0, count - m + 1); s <= t; ++s) {
    const double n = t - s + 1, left = m - 1 - count + s;
    const double trips = static_cast<int32_t>((left + 0.5) / n) + 1;
    longest = std::max(longest, trips * (end - ways.before[s] - n * b));
  }
  return ways.whole - b + m * b + longest;
}

}  // namespace

Seconds PipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches) {
  const int32_t count = static_cast<int32_t>(stages.size()), m = micro_batches;
  const Ways ways = WaysOf(stages);
  double there = 0, home = 0;  // a micro-batch's way to stage s, and from it
  double last_arrives = 0;
  double length = 0, tail = -std::numeric_limits<double>::infinity();
  for (int32_t s = 0; s < count; ++s) {
    const PipelineStage& stage = stages[s];
    const double f = stage.forward.value, b = stage.backward.value;
    const double x = s + 1 < count ? stage.send.value : 0;
    const double y = s + 1 < count ? stage.send_back.value : 0;
    const double after = std::max(0.0, ways.whole - ways.before[s] - f - b);
    const int32_t held = std::min(m, count - s);
    double forwards = there + m * f;
    if (m > held) forwards += (m - held) * b + std::max(0.0, after - (held - 1) * f);
    forwards = std::max(forwards, last_arrives + f);
    double end = home + forwards + std::max(held * b, after + b);
    if (m > held) {
      end = std::max(end, WindowLength(ways, stage, s, m));
    } else {
      end = std::max(end, home + there + f + after + m * b);
    }
    end = std::max(end, ways.whole + (m - 1) * y);
    tail = std::max(tail, stage.gradient_sync.value + stage.update.value - home);
    length = std::max(length, end + tail);
    last_arrives = std::max(forwards + x, there + f + m * x);
    there += f + x;
    home += b + y;
  }
  return {length};
}

}  // namespace automap

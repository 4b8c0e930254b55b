#include "simulator/pipeline/pipeline_length.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/container/inlined_vector.h"

namespace automap {
namespace {

// Numbers and their inverses, for windows of 1 to kTable stages.
constexpr int32_t kTable = 256;
struct Numbers {
  std::array<double, kTable + 1> of = {}, inverse = {};
};
constexpr Numbers MakeNumbers() {
  Numbers numbers;
  for (int32_t n = 1; n <= kTable; ++n) numbers.of[n] = n, numbers.inverse[n] = 1.0 / n;
  return numbers;
}
constexpr Numbers kNumbers = MakeNumbers();

// Seconds of the ways that every micro-batch takes.
struct Ways {
  absl::InlinedVector<double, 64>
      before;        // by stage from the last one: both ways through all before
  double whole = 0;  // both ways through all stages
  double Before(size_t stage) const { return before[before.size() - 1 - stage]; }
};

Ways WaysOf(absl::Span<const PipelineStage> stages) {
  Ways ways;
  const size_t count = stages.size();
  ways.before.resize(count);
  for (size_t s = 0; s < count; ++s) {
    const PipelineStage& stage = stages[s];
    ways.before[count - 1 - s] = ways.whole;
    ways.whole += stage.forward.value + stage.backward.value;
    if (s + 1 < count) ways.whole += stage.send.value + stage.send_back.value;
  }
  return ways;
}

// The longest of the windows that end at stage `t`, its last backward's way home included. A window
// of n stages takes (M - 1 - W) div n + 1 = (M - S + t) div n trips; with 1/2 on top the quotient
// is never near a whole number, so that it may be worked out as a product.
double WindowLength(const Ways& ways, const PipelineStage& stage, int32_t t, int32_t m) {
  const int32_t count = static_cast<int32_t>(ways.before.size());
  const double b = stage.backward.value;
  const double end = ways.Before(t) + stage.forward.value + b;
  const double trips = m - count + t + 0.5;
  const double* const before = ways.before.data() + (count - 2 - t);
  const int32_t most = std::min({t + 1, t - (count - m), kTable});
  constexpr int kLanes = 4;  // windows at a time
  double longest[kLanes] = {};
  int32_t n = 1;
  for (; n + kLanes <= most + 1; n += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double k = static_cast<int32_t>(trips * kNumbers.inverse[n + lane]);
      const double length = k * (end - before[n + lane] - kNumbers.of[n + lane] * b);
      longest[lane] = length > longest[lane] ? length : longest[lane];
    }
  }
  for (; n <= most; ++n) {
    const double k = static_cast<int32_t>(trips * kNumbers.inverse[n]);
    longest[0] = std::max(longest[0], k * (end - before[n] - kNumbers.of[n] * b));
  }
  return ways.whole - b + m * b + *std::max_element(longest, longest + kLanes);
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
    const double after = std::max(0.0, ways.whole - ways.Before(s) - f - b);
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

#include "simulator/pipeline/pipeline_length.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "base/most.h"

namespace automap {
namespace {

// Stages at a time.
constexpr int32_t kLanes = 4;

// Numbers of stages from one to another, descending, and their inverses.
constexpr int32_t kTable = 256;
struct Numbers {
  std::array<double, kTable + kLanes> of = {}, inverse = {};
};
constexpr Numbers MakeNumbers() {
  Numbers numbers;
  for (int32_t n = 1; n <= kTable; ++n)
    numbers.of[kTable - n] = n, numbers.inverse[kTable - n] = 1.0 / n;
  return numbers;
}
constexpr Numbers kNumbers = MakeNumbers();

// Some stages, and their longest waits for stages behind them, in seconds.
struct Waits {
  double f[kLanes] = {}, b[kLanes] = {}, both[kLanes] = {};
  double through[kLanes] = {};  // both ways through all stages up to this one
  double trips[kLanes] = {};    // M - W - 1/2
  // The longest so far of its own time, and the times and transfers behind it.
  double slow_forward[kLanes] = {}, slow_backward[kLanes] = {}, slow[kLanes] = {};
  double first[kLanes] = {}, middle[kLanes] = {}, last[kLanes] = {};  // G, N - f - b, L

  void SetStage(int32_t lane, const PipelineStage& stage, double ways, int32_t held, int32_t m) {
    const double forward = stage.forward.value, backward = stage.backward.value;
    slow_forward[lane] = f[lane] = forward;
    slow_backward[lane] = b[lane] = backward;
    slow[lane] = both[lane] = forward + backward;
    through[lane] = ways;
    trips[lane] = m - held - 0.5;
    first[lane] = held * forward;
    middle[lane] = (m - held - 1) * both[lane];
    last[lane] = held * backward;
  }
};

// Stage `t` behind them, and the transfers in front of it.
struct StageBehind {
  double slow_forward, slow_backward, slow;
  double through;
  double others;  // W(t) - 1
};

// `numbers` from the first of them to t, and down. With 1/2 on top the quotient is never near a
// whole number, so that it may be worked out as a product.
void WaitFor(const StageBehind& t, const double* numbers, const double* inverses, Waits& waits) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const auto most = [](double a, double b) { return a > b ? a : b; };
    const double slow_forward = most(waits.slow_forward[lane], t.slow_forward);
    const double slow_backward = most(waits.slow_backward[lane], t.slow_backward);
    const double slow = most(waits.slow[lane], t.slow);
    waits.slow_forward[lane] = slow_forward;
    waits.slow_backward[lane] = slow_backward;
    waits.slow[lane] = slow;
    const double way = t.through - waits.through[lane];
    const double k = static_cast<int32_t>(waits.trips[lane] * inverses[lane]);
    const double left = waits.trips[lane] - 0.5 - k * numbers[lane];
    waits.first[lane] = most(waits.first[lane], way + waits.f[lane] + t.others * slow_forward);
    waits.last[lane] = most(waits.last[lane], way + waits.b[lane] + t.others * slow_backward);
    waits.middle[lane] = most(waits.middle[lane], k * (way + waits.both[lane]) + left * slow);
  }
}

// By stage.
absl::InlinedVector<Waits, 64 / kLanes> WaitsOf(absl::Span<const PipelineStage> stages, int32_t m) {
  const int32_t count = static_cast<int32_t>(stages.size());
  absl::InlinedVector<Waits, 64 / kLanes> waits((count + kLanes - 1) / kLanes);
  double through = 0, send = 0, send_back = 0;
  for (int32_t t = 0; t < count; ++t) {
    const double f = stages[t].forward.value, b = stages[t].backward.value;
    const int32_t held = std::min(m, count - t);
    through += send + send_back + f + b;
    const StageBehind behind = {std::max(f, send), std::max(b, send_back),
                                Most(f + b, send, send_back), through, held - 1.0};
    for (int32_t s = std::max(0, t + kLanes - kTable) / kLanes * kLanes; s < t; s += kLanes) {
      const int32_t at = kTable - (t - s + 1);
      WaitFor(behind, &kNumbers.of[at], &kNumbers.inverse[at], waits[s / kLanes]);
    }
    waits[t / kLanes].SetStage(t % kLanes, stages[t], through, held, m);
    send = stages[t].send.value, send_back = stages[t].send_back.value;
  }
  return waits;
}

}  // namespace

Seconds PipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches) {
  const int32_t count = static_cast<int32_t>(stages.size()), m = micro_batches;
  const auto all_waits = WaitsOf(stages, m);
  const double whole = all_waits.back().through[(count - 1) % kLanes];
  double there = 0, home = 0;  // a micro-batch's way to stage s, and from it
  double last_arrives = 0;
  double length = 0, tail = -std::numeric_limits<double>::infinity();
  for (int32_t s = 0; s < count; ++s) {
    const PipelineStage& stage = stages[s];
    const double f = stage.forward.value, b = stage.backward.value;
    const double x = s + 1 < count ? stage.send.value : 0;
    const double y = s + 1 < count ? stage.send_back.value : 0;
    const bool holds_all = m <= count - s;
    const Waits& waits = all_waits[s / kLanes];
    const double first = waits.first[s % kLanes], last = waits.last[s % kLanes];
    const double forwards = std::max(
        there + (holds_all ? m * f : first + waits.middle[s % kLanes] + f + b), last_arrives + f);
    double end = forwards + last;
    if (holds_all) end = std::max(end, there + first + m * b);
    end = std::max(home + end, whole + (m - 1) * y);
    tail = std::max(tail, stage.gradient_sync.value + stage.update.value - home);
    length = std::max(length, end + tail);
    last_arrives = std::max(forwards + x, there + f + m * x);
    there += f + x;
    home += b + y;
  }
  return {length};
}

Seconds LeastPipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches) {
  const int32_t count = static_cast<int32_t>(stages.size()), m = micro_batches;
  double whole = 0;
  for (const PipelineStage& stage : stages)
    whole += stage.forward.value + stage.backward.value + stage.send.value + stage.send_back.value;
  whole -= stages.back().send.value + stages.back().send_back.value;
  double before = 0, home = 0, queue = 0, least = 0;
  double tail = -std::numeric_limits<double>::infinity();
  for (int32_t s = 0; s < count; ++s) {
    const PipelineStage& stage = stages[s];
    const double f = stage.forward.value, b = stage.backward.value, both = f + b;
    const double behind = whole - before - both, held = std::min(m, count - s);
    tail = std::max(tail, stage.gradient_sync.value + stage.update.value - home);
    least = std::max(least, before + LeastOfStage(f, b, behind, held, m) + tail);
    if (s + 1 == count) break;
    queue = std::max(queue, (m - 1) * stage.send_back.value + tail);
    before += both + stage.send.value + stage.send_back.value;
    home += b + stage.send_back.value;
  }
  return {std::max(least, whole + queue)};
}

}  // namespace automap

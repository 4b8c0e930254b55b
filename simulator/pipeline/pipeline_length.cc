#include "simulator/pipeline/pipeline_length.h"

#include <algorithm>

namespace automap {
namespace {

// What a micro-batch needs for the stages s..t of a pipeline: there, back, and on the way.
struct Trip {
  double forward = 0, back = 0;
  double both() const { return forward + back; }
};

Trip Whole(absl::Span<const PipelineStage> stages) {
  Trip whole;
  for (size_t s = 0; s < stages.size(); ++s) {
    const bool has_next = s + 1 < stages.size();
    whole.forward += stages[s].forward.value + (has_next ? stages[s].send.value : 0);
    whole.back += stages[s].backward.value + (has_next ? stages[s].send_back.value : 0);
  }
  return whole;
}

// The largest bound of a window that begins at stage `s`; `before` is the way to it.
double WindowBound(absl::Span<const PipelineStage> stages, int32_t s, int32_t m, Trip before,
                   Trip whole) {
  const int32_t count = static_cast<int32_t>(stages.size());
  const int32_t held = std::min(m, count - s);
  if (m <= held) return 0;
  double longest = 0;
  Trip to = before, trip;
  for (int32_t t = s; t < count; ++t) {
    const PipelineStage& last = stages[t];
    trip.forward += last.forward.value;
    trip.back += last.backward.value;
    const int32_t n = t - s + 1;
    const int32_t cycles = (m - 1 - held) / n + 1;
    const double after = whole.both() - to.both() - last.forward.value - last.backward.value;
    longest = std::max(longest, to.both() + last.forward.value + after + cycles * trip.both() +
                                    (m - cycles * n) * last.backward.value);
    trip.forward += last.send.value;
    trip.back += last.send_back.value;
    to.forward += last.forward.value + last.send.value;
    to.back += last.backward.value + last.send_back.value;
  }
  return longest;
}

}  // namespace

Seconds PipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches) {
  const int32_t count = static_cast<int32_t>(stages.size()), m = micro_batches;
  const Trip whole = Whole(stages);
  Trip before;
  double length = whole.both(), tail = 0;
  for (int32_t s = 0; s < count; ++s) {
    const PipelineStage& stage = stages[s];
    const double f = stage.forward.value, b = stage.backward.value;
    const double after = std::max(0.0, whole.both() - before.both() - f - b);
    const int32_t held = std::min(m, count - s);
    const double wait_first = std::max(0.0, after - (held - 1) * f);
    const double wait_last = std::max(0.0, after - (held - 1) * b);
    const double wait = m <= held ? std::max(wait_first, wait_last) : wait_first + wait_last;
    length = std::max(
        {length, before.both() + m * (f + b) + wait, WindowBound(stages, s, m, before, whole)});
    if (s + 1 < count) {
      const double slowest = std::max(stage.send.value, stage.send_back.value);
      length = std::max(length, whole.both() + (m - 1) * slowest);
    }
    tail = std::max(tail, stage.gradient_sync.value + stage.update.value - before.back);
    before.forward += f + stage.send.value;
    before.back += b + stage.send_back.value;
  }
  return {length + tail};
}

}  // namespace automap

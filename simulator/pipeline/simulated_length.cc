#include "simulator/pipeline/simulated_length.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"

namespace automap {
namespace {

// A stage, and when what it needs next is there.
struct PlayedStage {
  double forward, backward, send, send_back;  // the transfer of gradients to the stage before
  double free = 0, link = 0, link_back = 0;
  double input = 0;      // of its next forward
  int32_t forwards = 0;  // done
};

using PlayedStages = absl::InlinedVector<PlayedStage, 64>;

PlayedStages Begin(absl::Span<const PipelineStage> stages) {
  PlayedStages played;
  for (size_t s = 0; s < stages.size(); ++s) {
    const bool is_last = s + 1 == stages.size();
    played.push_back({stages[s].forward.value, stages[s].backward.value,
                      is_last ? 0 : stages[s].send.value,
                      s > 0 ? stages[s - 1].send_back.value : 0});
  }
  return played;
}

void RunForward(PlayedStages& stages, size_t s) {
  PlayedStage& stage = stages[s];
  stage.free = std::max(stage.free, stage.input) + stage.forward;
  ++stage.forwards;
  if (s + 1 == stages.size()) return;
  stage.link = std::max(stage.link, stage.free) + stage.send;
  stages[s + 1].input = stage.link;
}

// Of what arrived at `input`; returns when the gradient is at the stage before.
double RunBackward(PlayedStage& stage, double input) {
  stage.free = std::max(stage.free, input) + stage.backward;
  stage.link_back = std::max(stage.link_back, stage.free) + stage.send_back;
  return stage.link_back;
}

}  // namespace

Seconds SimulatedLength(absl::Span<const PipelineStage> stages, int32_t micro_batches) {
  PlayedStages played = Begin(stages);
  const int32_t count = static_cast<int32_t>(stages.size());
  for (int32_t m = 0; m < std::min(micro_batches, count); ++m) {
    for (int32_t s = 0; s < count - m; ++s) RunForward(played, s);
  }
  // Those that hold all micro-batches wait for them.
  for (int32_t round = 0; round < micro_batches; ++round) {
    double input = 0;
    for (int32_t s = count - 1; s >= 0; --s) {
      input = RunBackward(played[s], input);
      if (played[s].forwards < micro_batches) RunForward(played, s);
    }
  }
  Seconds length;
  for (int32_t s = 0; s < count; ++s) {
    const Seconds synced = Seconds{played[s].free} + stages[s].gradient_sync;
    length = std::max(length, synced + stages[s].update);
  }
  return length;
}

}  // namespace automap

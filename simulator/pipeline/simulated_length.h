// The simulated length of a pipelined step alone, for searches.
#pragma once

#include "absl/types/span.h"
#include "simulator/pipeline/pipeline.h"

namespace automap {

// The length of SimulatePipeline under 1F1B with one stage a group, the same to the last bit, in a
// tenth of the time. Of stage s, which holds W = min(M, S - s) micro-batches, the first W forwards
// come first; then its j-th backward and forward W + j follow each other, and both need only what
// the stage behind did in the same round j and the stage before in the round before it. So rounds
// are played from the last stage to the first, and of each stage no more is known than when it, its
// links and its next input are free.
//
// O(stages x micro-batches); no allocation up to 64 stages. `stages` must not be empty;
// micro_batches >= 1.
Seconds SimulatedLength(absl::Span<const PipelineStage> stages, int32_t micro_batches);

}  // namespace automap

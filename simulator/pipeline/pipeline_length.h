// The length of a pipelined step in closed form, for searches that ask for it millions of times.
#pragma once

#include <algorithm>

#include "absl/types/span.h"
#include "simulator/pipeline/pipeline.h"

namespace automap {

// The length of 1F1B with a flush over `stages`, one per group, with M micro-batches, from below:
// the longest of the ways through the step that are known in closed form.
//
// With f, b the times of a stage, x, y those of its transfers to and from the next one, and u its
// all-reduce and update together, for stage s of S:
//
//   A = sum of f + x before s          the first micro-batch's way to s
//   B = sum of b + y before s          a gradient's way from s to the end
//   D(t) = all transfers and f + b behind s up to t, from s to t and back; D(s) = 0
//   W = min(M, S - s)                  micro-batches that s holds at once; W(t) those of stage t
//
// A stage runs W forwards, then M - W times a backward and a forward, then W backwards. Its first
// backward starts G after the first micro-batch came: stage t has W(t) forwards before its first
// backward. After the last forward it takes L: stage t runs that micro-batch's forward before the
// backward of the one W(t) - 1 before. In between, one way to t and back is worth n = t - s + 1
// micro-batches; those that no way is left for are worked off where that takes longest:
//
//   G = max over t of D(t) + f + (W(t) - 1) max of f and x from s to t
//   L = max over t of D(t) + b + (W(t) - 1) max of b and y from s to t
//   N = f + b + max over t of K (f + b + D(t)) + (M - W - n K - 1) max of f + b, x, y from s to t
//       where K = (M - W - 1) div n
//
// The last forward of s ends at F, which is A + M f where M <= W, else A + G + N; or later, when
// the last micro-batch comes from s - 1, or over the link behind M - 1 others:
//
//   F = max(F of s - 1 + x, A of s - 1 + f of s - 1 + M x) + f
//
// The last backward of s ends at E, the latest of
//
//   F + L
//   A + G + M b                        where M <= W
//   A + f + D(S - 1) + b + (M - 1) y   gradients queue on the link
//
// and of the E of later stages, whose gradients have to come back. The length is the largest
// E_t + B_t - B_s + u_s for s <= t. Each term is a way through the step's dependencies, so none
// exceeds the simulated length, and balanced stages reach it. Worked example: S = 4 stages of f + b
// = 3 s, no transfers, M = 8: (8 + 3) 3 = 33 s. The tests print the error on 10 000 random
// pipelines.
//
// O(stages^2), no allocation up to 64 stages. `stages` must not be empty; micro_batches >= 1.
Seconds PipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches);

// Least seconds from a stage's first forward to its last backward, where it holds `held` of the
// `m` micro-batches at once and each takes `behind` through all stages behind it and back.
inline double LeastOfStage(double f, double b, double behind, double held, double m) {
  const double first = std::max(held * f, f + behind), last = std::max(held * b, b + behind);
  return held < m ? first + (m - held) * (f + b) + last : std::max(first + m * b, m * f + last);
}

// Never more than that, and the same for half of the tests' random pipelines: of the waits for
// stages behind only those for the first micro-batch and for the last to come back from all of
// them. O(stages).
Seconds LeastPipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches);

}  // namespace automap

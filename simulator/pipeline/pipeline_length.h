// The length of a pipelined step in closed form, for searches that ask for it millions of times.
#pragma once

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
//   D = all transfers and f + b after s    a micro-batch's way from s to the last stage and back
//   W = min(M, S - s)                  micro-batches that s holds at once
//
// The last forward of s ends at F, the later of two. Where M > W the first backward may be waited
// for, and M - W backwards come before; and the last micro-batch comes from s - 1, or over the link
// behind M - 1 others:
//
//   F = A + M f + [M > W] ((M - W) b + max(0, D - (W - 1) f))
//   F = max(F of s - 1 + x, A of s - 1 + f of s - 1 + M x) + f
//
// The last backward of s ends at E, the latest of
//
//   F + max(W b, D + b)                W backwards are left, or the last micro-batch's way
//   A + f + D + M b                    where M <= W: the first one's way, then all backwards
//   A + f + D + b + (M - 1) y          gradients queue on the link
//   A_t + f_t + D_t + K R + (M - K n) b_t    for a window of the stages i..t, n = t - i + 1, which
//       takes n micro-batches for each trip R through it and back, K = (M - 1 - W_i) div n + 1
//       times between the first and the last backward of t; at t, then home to s
//
// and of the E of later stages, whose gradients have to come back. The length is the largest
// E_t + B_t - B_s + u_s for s <= t. Each term is a way through the step's dependencies, so none
// exceeds the simulated length, and balanced stages reach it. Worked example: S = 4 stages of f + b
// = 3 s, no transfers, M = 8: (8 + 3) 3 = 33 s. The tests print the error on 10 000 random
// pipelines.
//
// O(stages^2), no allocation up to 64 stages. `stages` must not be empty; micro_batches >= 1.
Seconds PipelineLength(absl::Span<const PipelineStage> stages, int32_t micro_batches);

}  // namespace automap

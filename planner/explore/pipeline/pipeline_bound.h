// How good cuts can be at all, and whether any fit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

struct PipelineBound {
  Seconds lower_bound;
  PipelineCuts best;  // when found: the shortest that fit
  bool is_found = false;
  std::string proof;
};

// Dynamic programming over all legal cuts of layers and devices (planner/oracle/best_cuts.h), by
// the closed form of the length, which the simulated one never falls below, pruned with what hill
// climbing finds from even cuts and from projected cuts. Once `stop` says true, which
// is asked every few microseconds, there is no bound (kStoppedProof), and `best` are the best cuts
// so far, if any. `found`, if any, hears of all cuts that fit and are the shortest so far: the
// first ones within a millisecond or so.
PipelineBound BoundOf(const PipelineProblem& problem, const std::function<bool()>& stop = nullptr,
                      const std::function<void(const PipelineCuts&)>& found = nullptr);

// The same with a bound that is less tight, several times as fast: for the cuts' sake. `than` > 0:
// only cuts that are shorter are asked for, which is faster still where there are few or none; the
// bound is at most `than`, and nothing is shorter when it is that.
PipelineBound QuickBoundOf(const PipelineProblem& problem, const std::function<bool()>& stop,
                           Seconds than = {0});

// The shortest legal cuts whose stages end at `places` on the line of devices, where those are
// shorter than `than`; of what few labels tell. Nothing once `stop` says true. `places` ascend from
// 0 to all devices.
std::optional<PipelineCuts> CoarseCuts(const PipelineProblem& problem,
                                       const std::vector<int32_t>& places,
                                       const std::function<bool()>& stop, Seconds than);

// All legal cuts that the closed form says are no longer than `than`. Nothing where that takes more
// than `most_labels` partial answers (CutsWithin), or once `stop` says true.
std::optional<std::vector<PipelineCuts>> AllCutsWithin(const PipelineProblem& problem, Seconds than,
                                                       int64_t most_labels,
                                                       const std::function<bool()>& stop);

// Whether any cuts into `stages` stages fit if every device had `factor` times its memory. Layers
// without variables count as stages, too. O(stages x devices^2 x log layers).
bool AnyFits(const PipelineProblem& problem, int32_t stages, double factor = 1);

// Why nothing fits, in words: the least memory that any cuts into the problem's number of stages
// need, and the smallest number of stages that fits on these devices, if any does.
std::string MemoryCertificate(const PipelineProblem& problem);

}  // namespace automap

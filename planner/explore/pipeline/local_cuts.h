// The nearest cuts that no small change makes better.
#pragma once

#include <functional>
#include <set>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// Hill climbing. Each cut in turn goes to the best layer near its own and near where the work
// divides as the devices do, at places near its own and between servers; then single steps of one
// or two cuts at a time. Deterministic; never worse than `start`, which must be legal. Tens of
// microseconds to a millisecond. Once `stop`, if any, says true, which is asked for every few dozen
// cuts, the best so far. The ends of the first `begun` stages stay. Where a climb goes from some
// cuts does not depend on how it came there: one that comes to cuts in `been`, if any, where others
// with the same problem and `begun` were, ends there, and the cuts it comes to are put in.
PipelineCuts LocalCuts(const PipelineProblem& problem, PipelineCuts start,
                       const std::function<bool()>& stop = nullptr, int32_t begun = 0,
                       std::set<PipelineCuts>* been = nullptr);

// The same, and from there with one stage anywhere else, as long as that helps. Milliseconds.
PipelineCuts WideLocalCuts(const PipelineProblem& problem, PipelineCuts start,
                           const std::function<bool()>& stop = nullptr, int32_t begun = 0);

// By the simulated length and single steps only, as far as some ten million simulated tasks lead.
PipelineCuts SimulatedLocalCuts(const PipelineProblem& problem, PipelineCuts start,
                                const std::function<bool()>& stop = nullptr);

}  // namespace automap

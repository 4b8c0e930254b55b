#include "planner/search/pipeline_inference.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "planner/explore/pipeline/corridor_cuts.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/explore/pipeline/pipeline_sequence.h"
#include "planner/explore/pipeline/simple_cuts.h"
#include "planner/search/train_pipeline_policy.h"

namespace automap {
namespace {

// How much is looked at. Counts and not times, so that answers are the same everywhere.
struct Effort {
  size_t simple_cuts;  // that are polished beside the episodes' ends
  size_t together;     // of all that was polished, whose ends are all moved at once
  size_t widely;       // of these
  int64_t rounds;      // of a few dozen cuts each that polishing looks at
};

Effort EffortFor(const PipelineProblem& problem) {
  const int32_t stages = problem.options().stages;
  if (stages > 6) return {3, 0, 1, 400};
  if (stages > 4) return {8, 3, 3, 1200};
  return {4, 3, 3, 800};
}

// One episode by the largest score.
PipelineCuts RollOut(const SequenceNetwork& network, PipelineEnvironment environment,
                     int64_t& decisions) {
  if (environment.done()) return environment.cuts();
  const PipelineSequence sequence(environment);
  const EncodedSequence encoded = network.Encode(sequence.tokens());
  while (!environment.done()) {
    const std::vector<float> scores = network.Score(encoded, sequence.QuestionAt(environment));
    environment.Step(
        static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin()));
    ++decisions;
  }
  return environment.cuts();
}

// One episode by the shortest projection: where the policy leads astray, that often does not.
PipelineCuts Projected(PipelineEnvironment environment) {
  while (!environment.done()) environment.Step(environment.ShortestAction());
  return environment.cuts();
}

void SortWithoutEquals(const PipelineProblem& problem, std::vector<PipelineCuts>& all) {
  std::stable_sort(all.begin(), all.end(), [&](const PipelineCuts& a, const PipelineCuts& b) {
    return problem.IsBetter(problem.Cost(a), problem.Cost(b));
  });
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

// Local optima with all ends moved at once, and from there to the nearest local optima again, while
// that helps.
PipelineCuts MovedTogether(const PipelineProblem& problem, PipelineCuts cuts) {
  constexpr int kTimes = 5, kRoundsEach = 200;
  for (int time = 0; time < kTimes; ++time) {
    const PipelineCuts moved = CorridorCuts(problem, cuts, {{0, 1, 2, 4, 8}, {0, 1, 2, 4}});
    if (moved == cuts) break;
    int left = kRoundsEach;
    cuts = LocalCuts(problem, moved, [&left] { return --left < 0; });
  }
  return cuts;
}

// Up to so many places on the line of devices, both its ends among them: where servers end, where
// the best of what was climbed to has its stages end, and next to that.
std::vector<int32_t> LikelyPlaces(const PipelineProblem& problem,
                                  const std::vector<PipelineCuts>& sorted, size_t most) {
  constexpr int32_t kNear = 2;
  std::set<int32_t> places = {0, problem.devices()};
  const auto add = [&](int32_t place) {
    if (place > 0 && place < problem.devices() && places.size() < most) places.insert(place);
  };
  for (int32_t place = 1; place < problem.devices(); ++place) {
    if (problem.IsServerEnd(place)) add(place);
  }
  for (int32_t distance = 0; distance <= kNear; ++distance) {
    for (const PipelineCuts& cuts : sorted) {
      for (const int32_t end : cuts.device_ends) add(end + distance), add(end - distance);
    }
  }
  return {places.begin(), places.end()};
}

// The shortest of all cuts that are clearly shorter than the best of what is known, at as many
// places as there is time for, or that best.
PipelineCuts Settle(const PipelineProblem& problem, const std::vector<PipelineCuts>& sorted) {
  constexpr double kMostWork = 8e4;  // layers x stages x places x places
  constexpr int64_t kMostQuestions = 20'000;
  constexpr double kLeastGain = 0.005;  // what is looked for takes the less time
  const PipelineCost cost = problem.Cost(sorted.front());
  if (!cost.fits() && !problem.options().ignore_memory) return sorted.front();
  const int32_t stages = problem.options().stages;
  const auto most = static_cast<int32_t>(std::sqrt(kMostWork / stages / problem.layers()));
  if (most <= stages) return sorted.front();
  int64_t questions = 0;
  const auto stop = [&questions] { return ++questions > kMostQuestions; };
  const Seconds than = cost.length * (1 - kLeastGain);
  if (problem.devices() < most) {
    const PipelineBound bound = QuickBoundOf(problem, stop, than);
    return bound.is_found ? bound.best : sorted.front();
  }
  const auto cuts = CoarseCuts(problem, LikelyPlaces(problem, sorted, most), stop, than);
  return cuts ? LocalCuts(problem, *cuts) : sorted.front();
}

// From the starts and the best simple cuts to the nearest local optima, from the best of those with
// all ends at once, from the best of these further; and then to shorter cuts anywhere.
PipelineCuts Polish(const PipelineProblem& problem, std::vector<PipelineCuts> starts) {
  const Effort effort = EffortFor(problem);
  int64_t left = effort.rounds;
  const auto stop = [&left] { return --left < 0; };
  std::vector<PipelineCuts> simple = SimpleCuts(problem);
  simple.resize(std::min(simple.size(), effort.simple_cuts));
  starts.insert(starts.end(), simple.begin(), simple.end());
  SortWithoutEquals(problem, starts);
  std::set<PipelineCuts> been;
  for (PipelineCuts& cuts : starts) cuts = LocalCuts(problem, std::move(cuts), stop, 0, &been);
  SortWithoutEquals(problem, starts);
  for (size_t i = 0; i < std::min(starts.size(), effort.together); ++i)
    starts[i] = MovedTogether(problem, starts[i]);
  SortWithoutEquals(problem, starts);
  for (size_t i = 0; i < std::min(starts.size(), effort.widely); ++i)
    starts[i] = WideLocalCuts(problem, starts[i], stop);
  SortWithoutEquals(problem, starts);
  return Settle(problem, starts);
}

}  // namespace

PipelineOutcome InferCuts(const PipelineProblem& problem, const SequenceNetwork& network,
                          Inference inference) {
  PipelineOutcome outcome;
  outcome.engine = "inference";
  outcome.episodes = 1;
  outcome.found = true;
  const PipelineEnvironment root = PolicyEnvironment(problem);
  outcome.choice = RollOut(network, root, outcome.decisions);
  if (inference == Inference::kPolished)
    outcome.choice = Polish(problem, {outcome.choice, Projected(root)});
  outcome.cost = problem.Cost(outcome.choice);
  return outcome;
}

}  // namespace automap

#include "planner/search/pipeline_inference.h"

#include <algorithm>
#include <set>

#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/simple_cuts.h"

namespace automap {
namespace {

constexpr int32_t kLarge = 1500;  // layers x devices

// How much is looked at.
struct Effort {
  size_t beam_width;   // states side by side; all their ends are polished
  size_t simple_cuts;  // that are polished beside them
  size_t widely;       // of all that was polished
};
constexpr Effort kEffort = {8, 8, 4}, kEffortIfLarge = {6, 6, 3}, kEffortIfDeep = {2, 3, 0};
constexpr int32_t kDeep = 8;  // stages

bool IsLarge(const PipelineProblem& problem) {
  return problem.layers() * problem.devices() > kLarge;
}

Effort EffortFor(const PipelineProblem& problem) {
  if (problem.options().stages > kDeep) return kEffortIfDeep;
  return IsLarge(problem) ? kEffortIfLarge : kEffort;
}

PipelineEnvironment StartOf(const PipelineProblem& problem) {
  PipelineEnvironmentOptions options;
  options.is_thin = IsLarge(problem);
  return PipelineEnvironment(problem, options);
}

struct Choice {
  float score = 0;
  size_t state = 0;  // of the beam
  int action = 0;
  int32_t place = 0;  // on the line of devices
  bool is_taken = false;
};

// The best choices, for each place on the line of devices first the best one: the policy is least
// sure of the devices.
std::vector<Choice> Widest(std::vector<Choice> all, size_t width) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Choice& a, const Choice& b) { return a.score > b.score; });
  std::vector<Choice> taken;
  std::set<int32_t> places;
  for (const bool any_place : {false, true}) {
    for (Choice& choice : all) {
      if (taken.size() == width) return taken;
      if (choice.is_taken || (!any_place && !places.insert(choice.place).second)) continue;
      choice.is_taken = true;
      taken.push_back(choice);
    }
  }
  return taken;
}

std::vector<Choice> ChoicesOf(const CandidatePolicy& policy,
                              const std::vector<PipelineEnvironment>& beam) {
  std::vector<Choice> choices;
  for (size_t state = 0; state < beam.size(); ++state) {
    const std::vector<float> scores = ScoreActions(policy, beam[state]);
    for (size_t a = 0; a < scores.size(); ++a) {
      if (!std::isfinite(scores[a])) continue;
      const int action = static_cast<int>(a);
      choices.push_back({scores[a], state, action, beam[state].DeviceEnd(action)});
    }
  }
  return choices;
}

void SortByCost(const PipelineProblem& problem, std::vector<PipelineCuts>& all) {
  std::stable_sort(all.begin(), all.end(), [&](const PipelineCuts& a, const PipelineCuts& b) {
    return problem.IsBetter(problem.Cost(a), problem.Cost(b));
  });
}

// The cuts at which a beam ends. All its states are equally far and end together.
std::vector<PipelineCuts> Beam(const PipelineProblem& problem, const CandidatePolicy& policy,
                               int64_t& decisions) {
  std::vector<PipelineEnvironment> beam = {StartOf(problem)};
  while (!beam.front().done()) {
    std::vector<PipelineEnvironment> next;
    for (const Choice& choice : Widest(ChoicesOf(policy, beam), EffortFor(problem).beam_width)) {
      next.push_back(beam[choice.state]);
      next.back().Step(choice.action);
      ++decisions;
    }
    beam = std::move(next);
  }
  std::vector<PipelineCuts> ends;
  for (const PipelineEnvironment& end : beam) ends.push_back(end.cuts());
  return ends;
}

// From the starts, even cuts and the best simple cuts to the nearest local optima; from the best of
// those further.
PipelineCuts Polish(const PipelineProblem& problem, std::vector<PipelineCuts> starts) {
  const Effort effort = EffortFor(problem);
  std::vector<PipelineCuts> simple = SimpleCuts(problem);
  simple.resize(std::min(simple.size(), effort.simple_cuts));
  starts.insert(starts.end(), simple.begin(), simple.end());
  starts.push_back(EvenCuts(problem));
  for (PipelineCuts& cuts : starts) cuts = LocalCuts(problem, std::move(cuts));
  SortByCost(problem, starts);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  for (size_t i = 0; i < std::min(starts.size(), effort.widely); ++i)
    starts[i] = WideLocalCuts(problem, starts[i]);
  SortByCost(problem, starts);
  return starts.front();
}

}  // namespace

PipelineOutcome InferCuts(const PipelineProblem& problem, const CandidatePolicy& policy,
                          Inference inference) {
  PipelineOutcome outcome;
  outcome.engine = "inference";
  outcome.episodes = 1;
  outcome.found = true;
  if (inference == Inference::kRollOut) {
    PipelineEnvironment environment = StartOf(problem);
    PlayByPolicy(policy, environment);
    outcome.decisions = problem.options().stages - 1;
    outcome.choice = environment.cuts();
  } else {
    std::vector<PipelineCuts> ends = Beam(problem, policy, outcome.decisions);
    SortByCost(problem, ends);
    outcome.choice =
        inference == Inference::kPolished ? Polish(problem, std::move(ends)) : ends.front();
  }
  outcome.cost = problem.Cost(outcome.choice);
  return outcome;
}

}  // namespace automap

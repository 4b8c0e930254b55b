#include "planner/search/pipeline_inference.h"

#include <algorithm>
#include <set>

#include "planner/explore/pipeline/local_cuts.h"

namespace automap {
namespace {

constexpr size_t kBeamWidth = 16;
constexpr int32_t kLarge = 1500;      // layers x devices
constexpr size_t kStartsIfLarge = 8;  // ends of the beam that are polished

bool IsLarge(const PipelineProblem& problem) {
  return problem.layers() * problem.devices() > kLarge;
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
std::vector<Choice> Widest(std::vector<Choice> all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Choice& a, const Choice& b) { return a.score > b.score; });
  std::vector<Choice> taken;
  std::set<int32_t> places;
  for (const bool any_place : {false, true}) {
    for (Choice& choice : all) {
      if (taken.size() == kBeamWidth) return taken;
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

// The cuts at which a beam ends, the best first. All its states are equally far and end together.
std::vector<PipelineCuts> Beam(const PipelineProblem& problem, const CandidatePolicy& policy,
                               int64_t& decisions) {
  std::vector<PipelineEnvironment> beam = {StartOf(problem)};
  while (!beam.front().done()) {
    std::vector<PipelineEnvironment> next;
    for (const Choice& choice : Widest(ChoicesOf(policy, beam))) {
      next.push_back(beam[choice.state]);
      next.back().Step(choice.action);
      ++decisions;
    }
    beam = std::move(next);
  }
  std::vector<PipelineCuts> ends;
  for (const PipelineEnvironment& end : beam) ends.push_back(end.cuts());
  std::stable_sort(ends.begin(), ends.end(), [&](const PipelineCuts& a, const PipelineCuts& b) {
    return problem.IsBetter(problem.Cost(a), problem.Cost(b));
  });
  if (IsLarge(problem) && ends.size() > kStartsIfLarge) ends.resize(kStartsIfLarge);
  return ends;
}

}  // namespace

PipelineOutcome InferCuts(const PipelineProblem& problem, const CandidatePolicy& policy,
                          Inference inference) {
  PipelineOutcome outcome;
  outcome.engine = "inference";
  outcome.episodes = 1;
  std::vector<PipelineCuts> ends;
  if (inference == Inference::kRollOut) {
    PipelineEnvironment environment = StartOf(problem);
    PlayByPolicy(policy, environment);
    outcome.decisions = problem.options().stages - 1;
    ends = {environment.cuts()};
  } else {
    ends = Beam(problem, policy, outcome.decisions);
  }
  for (const PipelineCuts& end : ends) {
    const PipelineCuts cuts = inference == Inference::kPolished ? LocalCuts(problem, end) : end;
    const PipelineCost cost = problem.Cost(cuts);
    if (outcome.found && !problem.IsBetter(cost, outcome.cost)) continue;
    outcome.found = true;
    outcome.choice = cuts;
    outcome.cost = cost;
  }
  return outcome;
}

}  // namespace automap

#include "planner/explore/pipeline/pipeline_bound.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/core/random.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_environment.h"
#include "planner/oracle/best_cuts.h"
#include "planner/oracle/stopped.h"

namespace automap {
namespace {

constexpr size_t kBeamWidth = 3;

constexpr size_t kFewLabels = 12;

CutQuestion QuestionOf(const PipelineProblem& problem, const std::function<bool()>& stop) {
  CutQuestion question;
  question.stop = stop;
  question.layers = problem.layers();
  question.devices = problem.devices();
  question.stages = problem.options().stages;
  question.micro_batches = problem.options().micro_batches;
  question.stage = [&](int32_t layer, int32_t layer_end, int32_t device, int32_t device_end) {
    return problem.TimesOf({layer, layer_end}, {device, device_end});
  };
  question.gradient_sync = [&](int32_t layer, int32_t layer_end, int32_t device,
                               int32_t device_end) {
    return problem.GradientSync({layer, layer_end}, {device, device_end});
  };
  question.is_legal = [&](int32_t layer, int32_t layer_end, int32_t device, int32_t device_end,
                          int32_t after) {
    return problem.HasVariable({layer, layer_end}) &&
           problem.MayUse({layer, layer_end}, {device, device_end}, after);
  };
  // What a stage receives does not count here: it may shrink when the stage grows.
  question.is_hopeless = [&](int32_t layer, int32_t layer_end, int32_t device, int32_t device_end,
                             int32_t after) {
    return !problem.options().ignore_memory &&
           problem.LeastPressure({layer, layer_end}, {device, device_end}, after) > 1;
  };
  question.send = [&](int32_t layer_end, int32_t device, int32_t cut, int32_t device_end) {
    return problem.Send(layer_end, device, cut, device_end);
  };
  question.least_send = [&](int32_t layer_end, int32_t cut, int32_t device_end) {
    return problem.LeastSend(layer_end, cut, device_end);
  };
  question.most_send = [&](int32_t layer_end, int32_t cut, int32_t device_end) {
    return problem.MostSend(layer_end, cut, device_end);
  };
  return question;
}

// Cuts by the shortest projections: always the first, then one time in five another.
std::vector<PipelineCuts> ProjectedCuts(const PipelineProblem& problem,
                                        const std::function<bool()>& stop) {
  constexpr int kEpisodes = 24;
  std::vector<PipelineCuts> found;
  PipelineEnvironment environment(problem, {});
  Random random(1);
  std::vector<uint8_t> mask(environment.num_actions());
  for (int episode = 0; episode < kEpisodes && !stop(); ++episode) {
    environment.Reset();
    while (!environment.done()) {
      if (stop()) return found;
      environment.LegalActions(absl::MakeSpan(mask));
      // Candidates are in the order of their projections.
      const int legal = static_cast<int>(mask.size() - std::count(mask.begin(), mask.end(), 0));
      int skip = episode > 0 && random.Below(5) == 0 ? static_cast<int>(random.Below(legal)) : 0;
      int action = 0;
      while (mask[action] == 0 || skip-- > 0) ++action;
      environment.Step(action);
    }
    if (std::find(found.begin(), found.end(), environment.cuts()) == found.end())
      found.push_back(environment.cuts());
  }
  return found;
}

PipelineBound BoundOf(const PipelineProblem& problem, const CutQuestion& question,
                      const std::function<void(const PipelineCuts&)>& found) {
  const std::function<bool()>& look = question.stop;
  PipelineBound bound;
  if (!problem.options().ignore_memory && !AnyFits(problem, problem.options().stages)) {
    bound.proof = absl::StrCat("nothing fits: ", MemoryCertificate(problem));
    return bound;
  }
  PipelineCost cost;
  const auto offer = [&](const PipelineCuts& start) {
    const PipelineCuts cuts = LocalCuts(problem, start, look);
    const PipelineCost own = problem.Cost(cuts);
    const bool usable = problem.IsLegal(cuts) && (own.fits() || problem.options().ignore_memory);
    if (!usable || (bound.is_found && own.length >= cost.length)) return;
    bound.is_found = true;
    bound.best = cuts;
    cost = own;
    if (found) found(cuts);
  };
  const auto known = [&] { return bound.is_found ? cost.length : Seconds{0}; };
  offer(EvenCuts(problem));
  if (problem.options().stages > 1) {
    for (const PipelineCuts& cuts : ProjectedCuts(problem, look)) offer(cuts);
    const CutAnswer beam = BeamCuts(question, kBeamWidth, known());
    if (beam.is_found) offer({beam.layer_ends, beam.device_ends});
  }
  const CutAnswer exact = BestCuts(question, known());
  if (!exact.is_complete) {
    bound.proof = kStoppedProof;
    return bound;
  }
  if (exact.is_found) offer({exact.layer_ends, exact.device_ends});
  bound.lower_bound = exact.lower_bound;
  bound.proof = bound.is_found ? "dynamic programming over all cuts of layers and devices, by the "
                                 "length in closed form"
                               : absl::StrCat("nothing fits: ", MemoryCertificate(problem));
  return bound;
}

}  // namespace

PipelineBound BoundOf(const PipelineProblem& problem, const std::function<bool()>& stop,
                      const std::function<void(const PipelineCuts&)>& found) {
  return BoundOf(problem, QuestionOf(problem, [&] { return stop && stop(); }), found);
}

PipelineBound QuickBoundOf(const PipelineProblem& problem, const std::function<bool()>& stop) {
  CutQuestion question = QuestionOf(problem, [&] { return stop && stop(); });
  question.most_labels = kFewLabels;
  return BoundOf(problem, question, nullptr);
}

PipelineCuts SimulatedBest(const PipelineProblem& problem, const PipelineBound& bound,
                           const std::function<bool()>& stop) {
  const PipelineCuts climbed = SimulatedLocalCuts(problem, bound.best, stop);
  const PipelineCuts even = SimulatedLocalCuts(problem, EvenCuts(problem), stop);
  return problem.IsLegal(even) && problem.IsSooner(even, climbed) ? even : climbed;
}

bool AnyFits(const PipelineProblem& problem, int32_t stages, double factor) {
  // By first device of the suffix: the first layer that stages on the devices behind can reach.
  // Fewer layers never need more memory, so the longest stages lead furthest.
  const int32_t layers = problem.layers(), devices = problem.devices();
  std::vector<int32_t> reach(devices + 1, layers + 1);
  reach[devices] = layers;
  for (int32_t after = 0; after < stages; ++after) {
    std::vector<int32_t> next(devices + 1, layers + 1);
    for (int32_t end = 1; end <= devices; ++end) {
      if (reach[end] > layers) continue;
      for (int32_t device = 0; device < end; ++device) {
        int32_t low = 0, high = reach[end];
        while (low < high) {
          const int32_t middle = (low + high) / 2;
          const bool fits =
              problem.LeastPressure({middle, reach[end]}, {device, end}, after) <= factor;
          fits ? high = middle : low = middle + 1;
        }
        next[device] = std::min(next[device], low);
      }
    }
    reach = next;
  }
  return reach[0] == 0;
}

std::string MemoryCertificate(const PipelineProblem& problem) {
  const int32_t stages = problem.options().stages;
  double low = 1, high = 2;
  while (high < 1e6 && !AnyFits(problem, stages, high)) low = high, high *= 2;
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    (AnyFits(problem, stages, middle) ? high : low) = middle;
  }
  const double limit = problem.MemoryLimit({0, problem.devices()}).value;
  std::string text = absl::StrFormat(
      "any cut into %d stages needs at least %.1f GiB on some device, %.1f GiB are there", stages,
      high * limit / (1 << 30), limit / (1 << 30));
  const int32_t most = std::min(problem.devices(), problem.VariableLayersFrom(0));
  for (int32_t more = stages + 1; more <= most; ++more) {
    if (AnyFits(problem, more))
      return absl::StrCat(text, "; the smallest number of stages that fits is ", more);
  }
  return absl::StrCat(text, "; no number of stages fits on these devices");
}

}  // namespace automap

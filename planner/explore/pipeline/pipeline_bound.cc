#include "planner/explore/pipeline/pipeline_bound.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <numeric>

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

// Transfers to the devices between two places from any place before: worked out when asked for.
class Senders {
 public:
  Senders(const PipelineProblem& problem, std::vector<int32_t> places)
      : problem_(problem),
        places_(std::move(places)),
        known_(places_.size() * places_.size(), {-1, 0, {0}, {0}}) {}

  const StageLinks::AnySender& To(int32_t cut, int32_t end) {
    StageLinks::AnySender& any = known_[cut * places_.size() + end];
    if (any.least_per_byte < 0) {
      any =
          problem_.SendersTo({places_[cut], places_[end]}, absl::MakeSpan(places_).subspan(0, cut));
    }
    return any;
  }
  int32_t DevicesOf(int32_t cut, int32_t end) const { return places_[end] - places_[cut]; }

 private:
  const PipelineProblem& problem_;
  const std::vector<int32_t> places_;
  std::vector<StageLinks::AnySender> known_;  // by first receiving place and last
};

// Where only some places may be cut at: devices are told by their number among `places`, which
// begin with 0 and end with all devices.
CutQuestion QuestionAt(const PipelineProblem& problem, const std::vector<int32_t>& places,
                       const std::function<bool()>& stop) {
  using Range = PipelineProblem::Range;
  CutQuestion question;
  question.stop = [stop] { return stop && stop(); };
  question.layers = problem.layers();
  question.devices = static_cast<int32_t>(places.size()) - 1;
  question.stages = problem.options().stages;
  question.micro_batches = problem.options().micro_batches;
  const auto devices = [at = places](int32_t device, int32_t device_end) {
    return Range{at[device], at[device_end]};
  };
  question.stage = [&problem, devices](int32_t layer, int32_t layer_end, int32_t device,
                                       int32_t device_end) {
    return problem.TimesOf({layer, layer_end}, devices(device, device_end));
  };
  question.gradient_sync = [&problem, devices](int32_t layer, int32_t layer_end, int32_t device,
                                               int32_t device_end) {
    return problem.GradientSync({layer, layer_end}, devices(device, device_end));
  };
  question.least_tail = [&problem, devices](int32_t layer_end, int32_t device, int32_t device_end) {
    return problem.LeastTail(layer_end, devices(device, device_end));
  };
  question.is_legal = [&problem, devices](int32_t layer, int32_t layer_end, int32_t device,
                                          int32_t device_end, int32_t after) {
    return problem.HasVariable({layer, layer_end}) &&
           problem.MayUse({layer, layer_end}, devices(device, device_end), after);
  };
  // What a stage receives does not count here: it may shrink when the stage grows.
  question.is_hopeless = [&problem, devices](int32_t layer, int32_t layer_end, int32_t device,
                                             int32_t device_end, int32_t after) {
    return !problem.options().ignore_memory &&
           problem.LeastPressure({layer, layer_end}, devices(device, device_end), after) > 1;
  };
  question.send = [&problem, at = places](int32_t layer_end, int32_t device, int32_t cut,
                                          int32_t device_end) {
    return problem.Send(layer_end, at[device], at[cut], at[device_end]);
  };
  const auto senders = std::make_shared<Senders>(problem, places);
  question.least_send = [&problem, senders](int32_t layer_end, int32_t cut, int32_t device_end) {
    return problem.LeastSend(layer_end, senders->DevicesOf(cut, device_end),
                             senders->To(cut, device_end));
  };
  question.most_send = [&problem, senders](int32_t layer_end, int32_t cut, int32_t device_end) {
    return problem.MostSend(layer_end, senders->DevicesOf(cut, device_end),
                            senders->To(cut, device_end));
  };
  return question;
}

CutQuestion QuestionOf(const PipelineProblem& problem, const std::function<bool()>& stop) {
  std::vector<int32_t> places(problem.devices() + 1);
  std::iota(places.begin(), places.end(), 0);
  return QuestionAt(problem, places, stop);
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

// The shortest of what is offered, after hill climbing.
class BoundSearch {
 public:
  BoundSearch(const PipelineProblem& problem, CutQuestion question,
              std::function<void(const PipelineCuts&)> found)
      : problem_(problem), q_(std::move(question)), found_(std::move(found)) {}

  // By the programme from all starts.
  PipelineBound Run() {
    if (!MayFit()) return bound_;
    Offer(EvenCuts(problem_));
    if (problem_.options().stages > 1) {
      for (const PipelineCuts& cuts : ProjectedCuts(problem_, q_.stop)) Offer(cuts);
    }
    const CutAnswer exact = BestCuts(q_, bound_.is_found ? shortest_ : Seconds{0});
    if (exact.is_complete) {
      Take(exact);
      if (!bound_.is_found)
        bound_.proof = absl::StrCat("nothing fits: ", MemoryCertificate(problem_));
    } else {
      bound_.proof = kStoppedProof;
    }
    return bound_;
  }

  // By the programme, of those that are shorter than that; where it cannot tell, also by a beam.
  PipelineBound RunBelow(Seconds than) {
    if (!MayFit()) return bound_;
    shortest_ = than;
    const CutAnswer exact = BestCuts(q_, than);
    bound_.proof = kStoppedProof;
    if (!exact.is_complete) return bound_;
    Take(exact);
    if (!bound_.is_found && bound_.lower_bound < than) OfferBeam(than);
    return bound_;
  }

 private:
  bool MayFit() {
    if (problem_.options().ignore_memory || AnyFits(problem_, problem_.options().stages))
      return true;
    bound_.proof = absl::StrCat("nothing fits: ", MemoryCertificate(problem_));
    return false;
  }

  void Offer(const PipelineCuts& start) {
    const PipelineCuts cuts = LocalCuts(problem_, start, q_.stop);
    const PipelineCost own = problem_.Cost(cuts);
    const bool usable = problem_.IsLegal(cuts) && (own.fits() || problem_.options().ignore_memory);
    if (!usable || own.length >= shortest_) return;
    bound_.is_found = true;
    bound_.best = cuts;
    shortest_ = own.length;
    if (found_) found_(cuts);
  }

  void OfferBeam(Seconds known) {
    const CutAnswer beam = BeamCuts(q_, kBeamWidth, known);
    if (beam.is_found) Offer({beam.ends.layers, beam.ends.devices});
  }

  void Take(const CutAnswer& exact) {
    if (exact.is_found) Offer({exact.ends.layers, exact.ends.devices});
    bound_.lower_bound = exact.lower_bound;
    bound_.proof =
        "dynamic programming over all cuts of layers and devices, by the length in closed "
        "form";
  }

  const PipelineProblem& problem_;
  const CutQuestion q_;
  const std::function<void(const PipelineCuts&)> found_;
  PipelineBound bound_;
  Seconds shortest_ = {std::numeric_limits<double>::infinity()};  // of what is found
};

}  // namespace

PipelineBound BoundOf(const PipelineProblem& problem, const std::function<bool()>& stop,
                      const std::function<void(const PipelineCuts&)>& found) {
  return BoundSearch(problem, QuestionOf(problem, stop), found).Run();
}

PipelineBound QuickBoundOf(const PipelineProblem& problem, const std::function<bool()>& stop,
                           Seconds than) {
  CutQuestion question = QuestionOf(problem, stop);
  question.most_labels = kFewLabels;
  BoundSearch search(problem, question, nullptr);
  return than.value > 0 ? search.RunBelow(than) : search.Run();
}

std::optional<PipelineCuts> CoarseCuts(const PipelineProblem& problem,
                                       const std::vector<int32_t>& places,
                                       const std::function<bool()>& stop, Seconds than) {
  CutQuestion question = QuestionAt(problem, places, stop);
  question.most_labels = kFewLabels;
  const CutAnswer found = BestCuts(question, than);
  if (!found.is_found || found.length >= than) return std::nullopt;
  PipelineCuts cuts = {found.ends.layers, found.ends.devices};
  for (int32_t& end : cuts.device_ends) end = places[end];
  return cuts;
}

std::optional<std::vector<PipelineCuts>> AllCutsWithin(const PipelineProblem& problem, Seconds than,
                                                       int64_t most_labels,
                                                       const std::function<bool()>& stop) {
  const CutQuestion question = QuestionOf(problem, stop);
  std::optional<std::vector<StageEnds>> found = CutsWithin(question, than, most_labels);
  if (!found) return std::nullopt;
  std::vector<PipelineCuts> all;
  for (StageEnds& ends : *found) all.push_back({std::move(ends.layers), std::move(ends.devices)});
  return all;
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

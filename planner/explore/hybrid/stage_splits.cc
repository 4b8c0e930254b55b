#include "planner/explore/hybrid/stage_splits.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/oracle/stopped.h"

namespace automap {
namespace {

constexpr int32_t kMostStagesLifted = 16;
constexpr int kMostRounds = 4;
constexpr size_t kFewGroups = 32;
constexpr int32_t kMostStagesTimesPlaces = 64;  // of a quick search for the best cuts
constexpr size_t kMostGroupsTried = 12;

}  // namespace

absl::StatusOr<StageSplits> StageSplits::Create(const StepCosts& costs,
                                                const StageSplitsOptions& options,
                                                std::shared_ptr<StageLinks> links,
                                                KnownAxisGroups* groups) {
  std::optional<ModelAxis> axis;
  if (options.axis_size != 1) {
    ASSIGN_OR_RETURN(ModelAxis made,
                     ModelAxis::Create(costs, options.axis_size, options.semantics, groups));
    axis.emplace(std::move(made));
  }
  if (links == nullptr) links = std::make_shared<StageLinks>(costs.cluster(), options.axis_size);
  return StageSplits(costs, options, std::move(axis), std::move(links));
}

StageSplits::StageSplits(const StepCosts& costs, const StageSplitsOptions& options,
                         std::optional<ModelAxis> axis, std::shared_ptr<StageLinks> links)
    : costs_(costs),
      options_(options),
      axis_(std::move(axis)),
      links_(std::move(links)),
      relaxed_(axis_ ? axis_->RelaxedChain() : costs_.Chain()) {}

std::unique_ptr<PipelineProblem> StageSplits::ProblemOf(const LayerChain& chain,
                                                        int32_t stages) const {
  return std::make_unique<PipelineProblem>(
      chain, costs_.cluster(),
      PipelineProblemOptions{stages, costs_.micro_batches(), options_.ignore_memory}, links_);
}

// Of every stage, M x (fixed + scaled x share) is at most the length, and a place's share at least
// 1 / (M x places): the mean over places.
Seconds StageSplits::LeastTime() const {
  const auto problem = ProblemOf(relaxed_, 1);
  return problem->Work(problem->layers()) / static_cast<double>(places());
}

bool StageSplits::MayFit(int32_t stages, double factor) const {
  if (options_.ignore_memory) return true;
  return AnyFits(*ProblemOf(relaxed_, stages), stages, factor);
}

bool StageSplits::MayTryAll(int32_t stages) const {
  if (!axis_ || axis_->group_count() > kMostGroupsTried) return false;
  const int64_t cuts = int64_t{stages} * places() * static_cast<int64_t>(costs_.layer_count());
  return cuts << axis_->group_count() <= options_.most_tried;
}

StageSplits::Tried StageSplits::TryAll(int32_t stages, const std::function<bool()>& stop) {
  Tried tried;
  int64_t choices = 0;
  Seconds shortest;
  for (uint32_t bits = 0; bits < (uint32_t{1} << axis_->group_count()); ++bits) {
    Choice choice(axis_->group_count());
    for (size_t g = 0; g < choice.size(); ++g) choice[g] = (bits >> g & 1) != 0;
    const std::shared_ptr<const LayerChain> chain = ChainOf(choice);
    if (chain == nullptr) continue;  // the splits conflict
    const auto problem = ProblemOf(*chain, stages);
    if (!problem->Check().ok()) continue;
    const PipelineBound own = SimulatedBoundOf(*problem, stop);
    if (own.proof == kStoppedProof) return {own, tried.best};
    ++choices;
    if (!own.is_found) continue;
    const Seconds length = problem->SimulatedCost(own.best).length;
    Seconds& bound = tried.bound.lower_bound;
    bound = tried.bound.is_found ? std::min(bound, own.lower_bound) : own.lower_bound;
    if (tried.bound.is_found && length >= shortest) continue;
    shortest = length;
    tried.bound.is_found = true;
    tried.bound.best = own.best;
    tried.best = {choice, axis_->Decide(choice), chain, own.best, problem->Cost(own.best)};
  }
  tried.bound.proof = absl::StrCat(
      "each of ", choices,
      " choices of splits, by dynamic programming over all cuts of layers and devices");
  return tried;
}

PipelineBound StageSplits::BoundOfStages(int32_t stages, const std::function<bool()>& stop) {
  if (MayTryAll(stages)) {
    const Tried tried = TryAll(stages, stop);
    if (tried.bound.is_found || tried.bound.proof == kStoppedProof) return tried.bound;
  }
  PipelineBound bound = SimulatedBoundOf(*ProblemOf(relaxed_, stages), stop);
  if (axis_ && bound.is_found && bound.proof != kStoppedProof) {
    bound.proof = absl::StrCat(
        axis_->is_additive()
            ? "every layer with the best that each group of splits does there, conflicts left out"
            : "every operation with the best that any split does for it, nothing exchanged",
        "; ", bound.proof);
  }
  return bound;
}

// As if all stages had as many places and counted alike.
std::vector<LayerPrice> StageSplits::EvenPrices(int32_t stages) const {
  const int32_t replicas = std::max(1, places() / stages);
  constexpr double kBytes = 1e9;
  LayerPrice price;
  price.micro_batches = costs_.micro_batches();
  price.share = 1.0 / (costs_.micro_batches() * static_cast<double>(replicas));
  price.seconds_per_gradient_byte = links_->AllReduce(0, replicas, Bytes{kBytes}).value / kBytes;
  return std::vector<LayerPrice>(costs_.layer_count(), price);
}

// As the stages are: the slowest counts with all of its micro-batches, as nothing but the first of
// the others' is waited for. `memory`: seconds a byte by layer; empty: nothing.
std::vector<LayerPrice> StageSplits::PricesAt(const StagedSplits& at,
                                              const std::vector<double>& memory) const {
  const int32_t stages = static_cast<int32_t>(at.cuts.layer_ends.size());
  std::vector<LayerPrice> prices = EvenPrices(stages);
  const auto problem = ProblemOf(*at.chain, stages);
  const Pipeline pipeline = problem->PipelineOf(at.cuts);
  Seconds slowest;
  for (const PipelineStage& stage : pipeline.stages)
    slowest = std::max(slowest, stage.forward + stage.backward);
  constexpr double kBytes = 1e9;
  int32_t layer = 0, place = 0;
  for (int32_t s = 0; s < stages; ++s) {
    const PipelineStage& stage = pipeline.stages[s];
    const int32_t replicas = at.cuts.device_ends[s] - place;
    const double nearness = (stage.forward + stage.backward) / std::max(slowest, Seconds{1e-30});
    LayerPrice price;
    price.micro_batches = 1 + (costs_.micro_batches() - 1) * std::pow(nearness, 4);
    price.share = 1.0 / (costs_.micro_batches() * static_cast<double>(replicas));
    price.seconds_per_gradient_byte =
        links_->AllReduce(place, replicas, Bytes{kBytes}).value / kBytes;
    price.in_flight = std::min(costs_.micro_batches(), stages - s);
    for (; layer < at.cuts.layer_ends[s]; ++layer) {
      prices[layer] = price;
      if (!memory.empty()) prices[layer].seconds_per_byte = memory[layer];
    }
    place = at.cuts.device_ends[s];
  }
  return prices;
}

std::shared_ptr<const LayerChain> StageSplits::ChainOf(const Choice& choice) {
  std::shared_ptr<const LayerChain>& chain = chains_[choice];
  if (chain != nullptr) return chain;
  if (!axis_) return chain = std::make_shared<LayerChain>(costs_.Chain());
  auto made = axis_->Chain(choice);
  if (made.ok()) chain = std::make_shared<LayerChain>(*std::move(made));
  return chain;
}

std::optional<StagedSplits> StageSplits::Evaluate(const Choice& choice, int32_t stages,
                                                  const PipelineCuts* start) {
  StagedSplits splits;
  splits.choice = choice;
  splits.chain = ChainOf(choice);
  if (splits.chain == nullptr) return std::nullopt;
  if (axis_) splits.model = axis_->Decide(choice);
  const auto problem = ProblemOf(*splits.chain, stages);
  if (!problem->Check().ok()) return std::nullopt;
  splits.cuts = LocalCuts(*problem, EvenCuts(*problem));
  splits.cost = problem->Cost(splits.cuts);
  if (start != nullptr) {
    const PipelineCuts cuts = LocalCuts(*problem, *start);
    const PipelineCost cost = problem->Cost(cuts);
    if (problem->IsBetter(cost, splits.cost)) splits.cuts = cuts, splits.cost = cost;
  }
  const bool may_fit = !splits.cost.fits() && !options_.ignore_memory &&
                       stages * places() <= kMostStagesTimesPlaces && AnyFits(*problem, stages);
  if (may_fit) {
    const PipelineBound bound = QuickBoundOf(*problem, nullptr);
    if (bound.is_found) splits.cuts = bound.best, splits.cost = problem->Cost(bound.best);
  }
  if (!problem->IsLegal(splits.cuts)) return std::nullopt;
  return splits;
}

StagedSplits StageSplits::Alternate(StagedSplits from, int32_t stages,
                                    const std::vector<double>& price,
                                    const std::function<bool()>& stop) {
  for (int round = 0; round < kMostRounds && !stop(); ++round) {
    const Choice choice = axis_->Choose(PricesAt(from, price));
    if (choice == from.choice) break;
    std::optional<StagedSplits> found = Evaluate(choice, stages, &from.cuts);
    if (!found || !IsBetter(found->cost, from.cost)) break;
    from = *std::move(found);
  }
  return from;
}

std::optional<StagedSplits> StageSplits::Solve(int32_t stages, const std::function<bool()>& stop) {
  if (MayTryAll(stages)) {
    if (std::optional<StagedSplits> best = TryAll(stages, stop).best) return best;
  }
  std::optional<StagedSplits> best =
      Evaluate(axis_ ? axis_->Choose(EvenPrices(stages)) : Choice(), stages, nullptr);
  if (!best || !axis_ || stop()) return best;
  best = Alternate(*std::move(best), stages, {}, stop);
  if (best->cost.fits() || options_.ignore_memory) return best;
  std::vector<double> price;
  std::optional<StagedSplits> fitting = RaisePrice(*best, stages, price, stop);
  if (!fitting || !IsBetter(fitting->cost, best->cost)) return best;
  if (!fitting->cost.fits() || stages > kMostStagesLifted) return fitting;
  return LiftPrices(*std::move(fitting), stages, std::move(price), stop);
}

// Prices are powers of four around what all of the time is for all of the memory. Returns the first
// choice that fits, or the one that is nearest to it.
std::optional<StagedSplits> StageSplits::RaisePrice(StagedSplits fastest, int32_t stages,
                                                    std::vector<double>& price,
                                                    const std::function<bool()>& stop) {
  const auto problem = ProblemOf(*fastest.chain, stages);
  double bytes = 0;
  for (const Layer& layer : fastest.chain->layers)
    bytes += (2 * layer.variables + layer.optimizer_state + layer.saved).value;
  const double middle = problem->Work(problem->layers()).value / std::max(1.0, bytes);
  std::optional<StagedSplits> best;
  Choice last = fastest.choice;
  for (int step = -6; step <= 6 && !stop(); ++step) {
    const std::vector<double> trial(fastest.chain->layers.size(), middle * std::exp2(2.0 * step));
    const Choice choice = axis_->Choose(PricesAt(best ? *best : fastest, trial));
    if (choice == last) continue;
    last = choice;
    std::optional<StagedSplits> found = Evaluate(choice, stages, &fastest.cuts);
    if (!found || (best && !IsBetter(found->cost, best->cost))) continue;
    best = std::move(found);
    price = trial;
    if (best->cost.fits()) break;
  }
  return best;
}

// The last stages hold the fewest micro-batches and are short of the least: they go first.
StagedSplits StageSplits::LiftPrices(StagedSplits fitting, int32_t stages,
                                     std::vector<double> price, const std::function<bool()>& stop) {
  for (const double factor : {0.0, 0.25}) {
    for (int32_t s = stages - 1; s >= 0 && !stop(); --s) {
      const auto& ends = fitting.cuts.layer_ends;
      std::vector<double> trial = price;
      for (int32_t layer = s > 0 ? ends[s - 1] : 0; layer < ends[s]; ++layer)
        trial[layer] *= factor;
      const Choice choice = axis_->Choose(PricesAt(fitting, trial));
      if (choice == fitting.choice) continue;
      std::optional<StagedSplits> found = Evaluate(choice, stages, &fitting.cuts);
      if (!found || !IsBetter(found->cost, fitting.cost)) continue;
      fitting = *std::move(found);
      price = std::move(trial);
    }
  }
  return Alternate(std::move(fitting), stages, price, stop);
}

// Groups that are tried together: of one structure, and single ones where there are few.
std::vector<std::vector<int32_t>> StageSplits::Units() const {
  const std::vector<int32_t> structures = axis_->Structures();
  std::map<int32_t, std::vector<int32_t>> by_structure;
  for (size_t g = 0; g < axis_->group_count(); ++g)
    by_structure[structures[g]].push_back(static_cast<int32_t>(g));
  std::vector<std::vector<int32_t>> units;
  for (auto& [structure, groups] : by_structure) units.push_back(std::move(groups));
  for (size_t g = 0; g < axis_->group_count() && axis_->group_count() <= kFewGroups; ++g)
    units.push_back({static_cast<int32_t>(g)});
  return units;
}

StagedSplits StageSplits::Refine(StagedSplits from, int32_t stages, int32_t most_tried,
                                 const std::function<bool()>& stop) {
  if (!axis_) return from;
  const std::vector<std::vector<int32_t>> units = Units();
  int32_t tried = 0;
  size_t since_better = 0;
  for (size_t u = 0; since_better < units.size() && !stop(); u = (u + 1) % units.size()) {
    ++since_better;
    const bool is_split = from.choice[units[u].front()];
    const Choice choice = axis_->With(from.choice, units[u], !is_split);
    if (choice == from.choice) continue;
    if (++tried > most_tried) break;
    std::optional<StagedSplits> found = Evaluate(choice, stages, &from.cuts);
    if (!found || !IsBetter(found->cost, from.cost)) continue;
    from = *std::move(found);
    since_better = 0;
  }
  return from;
}

}  // namespace automap

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "planner/explore/hybrid/stage_splits.h"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/oracle/stopped.h"
#include "planner/plan/describe_plan.h"
#include "planner/strategies/cut_search.h"
#include "planner/strategies/strategies.h"

namespace automap {
namespace {

constexpr size_t kFinalists = 3;
constexpr int32_t kMostNodesTried = 200'000;  // times chains, of a finalist
constexpr double kPromising = 1.25;
constexpr int64_t kMostQuestions = 40'000;  // of the best cuts of a shape, whether to stop

// What is searched together: a size of the model axis, a number of stages, of micro-batches.
struct Shape {
  int32_t axis_size = 1, stages = 1, micro_batches = 1;
  auto operator<=>(const Shape&) const = default;
};

// The best of a shape so far.
struct Candidate {
  Shape shape;
  StagedSplits splits;
};

// What became of an axis size and a number of stages, over all numbers of micro-batches.
struct Row {
  std::optional<Candidate> best;
  bool is_dominated = false;   // a bound said that nothing of it can be faster
  bool is_infeasible = false;  // a bound said that nothing of it fits
  std::string refusal;
};

// Explores stages x model axis x micro-batches.
class HybridRun final : public StrategyRun {
 public:
  explicit HybridRun(const PlanRequest& request) : request_(request) {}

  absl::StatusOr<std::optional<Seconds>> Prove(std::optional<Seconds> incumbent) override {
    incumbent_ = incumbent;
    RETURN_IF_ERROR(CheckPipelineOptions(request_.options));
    for (const int32_t micro_batches : MicroBatches()) {
      if (IsStopped()) break;
      ASSIGN_OR_RETURN(costs_[micro_batches],
                       StepCosts::Create(*request_.facts, request_.cluster, micro_batches));
      for (const int32_t size : AxisSizes()) {
        if (IsStopped()) break;
        RETURN_IF_ERROR(Explore(micro_batches, size));
      }
    }
    CutBest();
    if (finalists_.empty()) return NothingFits();
    RETURN_IF_ERROR(ChooseWinner());
    RETURN_IF_ERROR(ProveWinner());
    return ProvenTime(request_, exact_);
  }

  // Where it is not the best of all, what is known of it is enough.
  absl::StatusOr<v1::Plan> Learn() override {
    std::vector<PipelineOutcome> outcomes = {exact_};
    if (IsBest(exact_.cost.length)) {
      ASSIGN_OR_RETURN(outcomes, LearnCuts(request_, Task(), exact_, describe_, report_));
    }
    ASSIGN_OR_RETURN(v1::Plan plan,
                     PlanOfBest(request_, *problem_, bound_, outcomes, describe_, report_));
    AddAlternatives(winner_->shape, plan);
    return plan;
  }

 private:
  bool IsStopped() const { return !finalists_.empty() && request_.stop(); }

  // Those first that are most often the best, so that bounds can cut off the others.
  std::vector<int32_t> MicroBatches() const {
    std::vector<int32_t> counts = MicroBatchesToTry(request_);
    std::stable_sort(counts.begin(), counts.end(), [](int32_t a, int32_t b) {
      const auto distance = [](int32_t count) { return std::max(count, 16) / std::min(count, 16); };
      return distance(a) < distance(b);
    });
    return counts;
  }

  std::vector<int32_t> AxisSizes() const {
    const int32_t devices = request_.cluster.device_count();
    if (request_.options.axis_size() > 0) return {request_.options.axis_size()};
    if (request_.quick && !request_.quick->axis_sizes.empty()) return request_.quick->axis_sizes;
    std::vector<int32_t> sizes;
    for (int32_t size = 1; size <= devices; ++size) {
      if (devices % size == 0) sizes.push_back(size);
    }
    return sizes;
  }

  // One for each server and its parts and multiples, as many as there are places.
  std::vector<int32_t> StageCounts(int32_t places) const {
    if (request_.options.stages() > 0) {
      return request_.options.stages() <= places ? std::vector<int32_t>{request_.options.stages()}
                                                 : std::vector<int32_t>{};
    }
    std::set<int32_t> counts;
    for (int32_t count = 1; count <= places; count *= 2) counts.insert(count);
    const int32_t servers = static_cast<int32_t>(request_.cluster.servers.size());
    for (int32_t count = servers; count <= places; count *= 2) counts.insert(count);
    return {counts.begin(), counts.end()};
  }

  absl::Status Explore(int32_t micro_batches, int32_t size) {
    ASSIGN_OR_RETURN(StageSplits solver, SolverOf({size, 1, micro_batches}));
    const bool is_dominated = !IsNeeded(solver.LeastTime());
    for (const int32_t stages : StageCounts(solver.places())) {
      if (IsStopped()) break;
      Row& row = rows_[{size, stages}];
      if (!solver.HasGroups()) {
        row.refusal = "no dimension of a variable can be split so often";
      } else if (is_dominated) {
        row.is_dominated = true;
      } else if (!solver.MayFit(stages)) {
        row.is_infeasible = true;
      } else if (auto found = solver.Solve(stages, request_.stop)) {
        const Candidate candidate = {{size, stages, micro_batches}, *std::move(found)};
        if (IsPromising(candidate.splits.cost)) promising_.push_back(candidate);
        Keep(candidate, row);
      } else {
        row.refusal = "the module cannot be cut into so many stages";
      }
    }
    return absl::OkStatus();
  }

  // Whether a step so short would be the best so far, of all strategies or of this one as well.
  bool IsNeeded(Seconds length) const {
    if (!finalists_.empty() && !(length < finalists_.front().splits.cost.length)) return false;
    return IsBest(length);
  }
  bool IsBest(Seconds length) const {
    return !incumbent_ || length < *incumbent_ * (1 - kLeastImprovement);
  }

  // Gives those that are still promising the best cuts that a short search finds from many starts,
  // the best ones first, as each leaves fewer of the others.
  void CutBest() {
    std::stable_sort(
        promising_.begin(), promising_.end(), [&](const Candidate& a, const Candidate& b) {
          return IsBetter(a.splits.cost, b.splits.cost, request_.options.ignore_memory());
        });
    for (Candidate& candidate : promising_) {
      if (request_.stop()) break;
      if (!IsPromising(candidate.splits.cost)) continue;
      const auto problem = ProblemOf(candidate);
      const PipelineBound bound = ShorterCuts(*problem, candidate.splits.cost);
      if (!bound.is_found) continue;
      const PipelineCost cost = problem->Cost(bound.best);
      if (!problem->IsBetter(cost, candidate.splits.cost)) continue;
      candidate.splits.cuts = bound.best;
      candidate.splits.cost = cost;
      Keep(candidate, rows_[{candidate.shape.axis_size, candidate.shape.stages}]);
    }
    promising_.clear();
  }

  // Than those that are known, which leave little to find where they fit.
  PipelineBound ShorterCuts(const PipelineProblem& problem, const PipelineCost& known) const {
    const auto bounded = [&](Seconds than) {
      int64_t questions = 0;  // the same on every machine
      return QuickBoundOf(
          problem, [&] { return ++questions > kMostQuestions || request_.stop(); }, than);
    };
    if (known.fits() || request_.options.ignore_memory()) {
      PipelineBound bound = bounded(known.length);
      if (bound.is_found || bound.proof != kStoppedProof) return bound;
    }
    return bounded({0});
  }

  // Whether better cuts could make it the best so far: hill climbing was seen 13 % behind.
  bool IsPromising(const PipelineCost& cost) const {
    return finalists_.empty() || cost.length < kPromising * finalists_.front().splits.cost.length;
  }

  // Among the best of its row, and of all those that fit, in place of what is known of its shape.
  void Keep(Candidate candidate, Row& row) {
    const bool ignore = request_.options.ignore_memory();
    const PipelineCost cost = candidate.splits.cost;
    const auto worse = [&](const Candidate& other) {
      return IsBetter(cost, other.splits.cost, ignore);
    };
    if (cost.fits() || ignore) {
      std::erase_if(finalists_,
                    [&](const Candidate& other) { return other.shape == candidate.shape; });
      const auto place = std::find_if(finalists_.begin(), finalists_.end(), worse);
      const bool is_first = place == finalists_.begin();
      finalists_.insert(place, candidate);
      if (finalists_.size() > kFinalists) finalists_.pop_back();
      if (is_first) Tell(finalists_.front());
    }
    if (!row.best || worse(*row.best)) row.best = std::move(candidate);
  }

  std::unique_ptr<PipelineProblem> ProblemOf(const Candidate& candidate) const {
    return std::make_unique<PipelineProblem>(
        *candidate.splits.chain, request_.cluster,
        PipelineProblemOptions{candidate.shape.stages, candidate.shape.micro_batches,
                               request_.options.ignore_memory()},
        LinksOf(candidate.shape.axis_size));
  }

  absl::StatusOr<v1::Plan> Describe(const Candidate& candidate, const PipelineProblem& problem,
                                    const PipelineCuts& cuts) const {
    return DescribePipelinePlan(request_.module, "", request_.cluster_proto, problem, cuts,
                                request_.semantics_proto(),
                                candidate.splits.model ? &*candidate.splits.model : nullptr);
  }

  // A first plan of its kind claims no bound.
  void Tell(const Candidate& candidate) {
    report_.SetBound(Seconds{0}, kOpenProof);
    const auto problem = ProblemOf(candidate);
    report_.OfPlan(problem->SimulatedCost(candidate.splits.cuts), *problem,
                   [&] { return Describe(candidate, *problem, candidate.splits.cuts); });
    PipelineOutcome outcome;
    outcome.engine = "exact";
    outcome.decisions = static_cast<int64_t>(rows_.size());
    report_.OfEngine(outcome, true, EngineBudget{});
  }

  // Told apart by simulation: the finalists, refined, and the best of every row as it is.
  absl::Status ChooseWinner() {
    for (Candidate& finalist : finalists_) {
      RETURN_IF_ERROR(Refine(finalist));
      const auto problem = ProblemOf(finalist);
      finalist.splits.cuts = SimulatedLocalCuts(*problem, finalist.splits.cuts, request_.stop);
      Judge(finalist, *problem);
    }
    for (auto& [key, row] : rows_) {
      if (row.best) Judge(*row.best, *ProblemOf(*row.best));
    }
    problem_ = ProblemOf(*winner_);
    return absl::OkStatus();
  }

  void Judge(Candidate& candidate, const PipelineProblem& problem) {
    candidate.splits.cost = problem.SimulatedCost(candidate.splits.cuts);
    if (winner_ == nullptr || problem.IsBetter(candidate.splits.cost, winner_->splits.cost))
      winner_ = &candidate;
  }

  // The bound of the winner's shape and the exact cuts of its chain; of one that is not the best of
  // all what is known of it.
  absl::Status ProveWinner() {
    exact_.engine = "exact";
    exact_.found = true;
    exact_.choice = winner_->splits.cuts;
    exact_.cost = problem_->SimulatedCost(exact_.choice);
    bound_.proof = kOpenProof;
    if (!IsBest(exact_.cost.length)) return absl::OkStatus();
    const Shape& shape = winner_->shape;
    ASSIGN_OR_RETURN(StageSplits solver, SolverOf(shape));
    bound_ = solver.BoundOfStages(shape.stages, request_.stop);
    report_.SetBound(bound_.lower_bound, bound_.proof);
    cuts_ = shape.axis_size > 1 ? SimulatedBoundOf(*problem_, request_.stop) : bound_;
    if (!cuts_.is_found) cuts_.best = winner_->splits.cuts;
    exact_ = ProveCuts(request_, Task(), describe_, report_);
    return absl::OkStatus();
  }

  CutTask Task() const { return {"hybrid", *problem_, cuts_, winner_->splits.cuts}; }

  absl::Status Refine(Candidate& finalist) {
    if (finalist.shape.axis_size == 1 || request_.stop()) return absl::OkStatus();
    ASSIGN_OR_RETURN(StageSplits solver, SolverOf(finalist.shape));
    const int32_t most_tried =
        std::clamp(kMostNodesTried / request_.module->graph().node_count(), 4, 200);
    finalist.splits =
        solver.Refine(std::move(finalist.splits), finalist.shape.stages, most_tried, request_.stop);
    return absl::OkStatus();
  }

  absl::StatusOr<StageSplits> SolverOf(const Shape& shape) const {
    return StageSplits::Create(
        *costs_.at(shape.micro_batches),
        {shape.axis_size, request_.semantics, request_.options.ignore_memory()},
        LinksOf(shape.axis_size), &groups_);
  }

  // Worked out once for each size of the model axis.
  std::shared_ptr<StageLinks> LinksOf(int32_t axis_size) const {
    std::shared_ptr<StageLinks>& links = links_[axis_size];
    if (links == nullptr) links = std::make_shared<StageLinks>(request_.cluster, axis_size);
    return links;
  }

  // Every other axis size and number of stages, with what it comes to or why it was skipped.
  void AddAlternatives(const Shape& chosen, v1::Plan& plan) const {
    for (const auto& [key, row] : rows_) {
      const auto& [size, stages] = key;
      if (size == chosen.axis_size && stages == chosen.stages) continue;
      v1::Plan::Alternative& other = *plan.add_alternatives();
      other.set_strategy(StrategyOfStages(stages, size));
      if (size > 1) {
        v1::Plan::MeshAxis& axis = *other.add_mesh();
        axis.set_name(kModelAxis);
        axis.set_size(size);
      }
      const std::string name = absl::StrCat(stages, stages == 1 ? " stage" : " stages");
      if (row.best) {
        const PipelineCost& cost = row.best->splits.cost;
        other.mutable_cost()->set_step_time_s(cost.length.value);
        other.mutable_cost()->set_fits(cost.fits());
        other.mutable_cost()->set_peak_memory_bytes(static_cast<int64_t>(cost.peak_memory.value));
        other.mutable_cost()->set_memory_limit_bytes(static_cast<int64_t>(cost.memory_limit.value));
        other.set_summary(
            absl::StrCat(name, " of ", row.best->shape.micro_batches, " micro-batches"));
      } else {
        other.set_summary(absl::StrCat(name, ": skipped, ",
                                       row.is_dominated ? "dominated: even without exchange slower"
                                       : row.is_infeasible ? "no splits and cuts of it fit"
                                                           : row.refusal));
      }
    }
  }

  // Why there is no plan: none can be better than the others', or the least memory that any shape
  // needs by its bound.
  absl::Status NothingFits() const {
    for (const auto& [key, row] : rows_) {
      if (row.is_dominated) {
        return absl::FailedPreconditionError(absl::StrFormat(
            "all %d axis sizes and numbers of stages skipped: dominated (even without exchange "
            "slower than %.4g s) or not fitting",
            rows_.size(), incumbent_ ? incumbent_->value : 0));
      }
    }
    double least = 1e9;
    Shape nearest;
    for (const auto& [micro_batches, costs] : costs_) {
      for (const int32_t size : AxisSizes()) {
        const auto solver = SolverOf({size, 1, micro_batches});
        if (!solver.ok() || !solver->HasGroups()) continue;
        for (const int32_t stages : StageCounts(solver->places())) {
          if (!solver->MayFit(stages, least)) continue;
          double low = 1, high = least;
          for (int i = 0; i < 20; ++i) {
            const double middle = (low + high) / 2;
            (solver->MayFit(stages, middle) ? high : low) = middle;
          }
          least = high;
          nearest = {size, stages, micro_batches};
        }
      }
    }
    const double limit =
        StageLinks(request_.cluster).MemoryLimit(0, request_.cluster.device_count()).value;
    return absl::FailedPreconditionError(absl::StrFormat(
        "no plan of strategy hybrid fits in memory: the least is %d stages x a model axis of %d "
        "with %d micro-batches, %.1f GiB per device at least, %.1f GiB are there; try more "
        "devices, "
        "or --ignore-memory, which plans with the limit lifted",
        nearest.stages, nearest.axis_size, nearest.micro_batches, least * limit / (1 << 30),
        limit / (1 << 30)));
  }

  const PlanRequest request_;
  const DescribeCuts describe_ = [this](const PipelineCuts& cuts) {
    return Describe(*winner_, *problem_, cuts);
  };
  std::optional<Seconds> incumbent_;
  std::map<int32_t, std::unique_ptr<const StepCosts>> costs_;     // by micro-batches
  mutable std::map<int32_t, std::shared_ptr<StageLinks>> links_;  // by axis size
  mutable KnownAxisGroups groups_;
  std::map<std::pair<int32_t, int32_t>, Row> rows_;  // by axis size and stages
  std::vector<Candidate> finalists_;                 // that fit, best first
  std::vector<Candidate> promising_;                 // cut by hill climbing alone
  const Candidate* winner_ = nullptr;                // of all
  std::unique_ptr<PipelineProblem> problem_;         // the winner's
  PipelineBound bound_;                              // of its shape
  PipelineBound cuts_;                               // of its chain
  PipelineOutcome exact_;
  PipelineReport report_{request_};
};

}  // namespace

std::unique_ptr<StrategyRun> StartHybrid(const PlanRequest& request) {
  return std::make_unique<HybridRun>(request);
}

}  // namespace automap

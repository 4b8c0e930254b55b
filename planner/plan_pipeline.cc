#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/batch.h"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/oracle/stopped.h"
#include "planner/plan_request.h"
#include "planner/search/pipeline_inference.h"
#include "planner/search/pipeline_policy.h"
#include "planner/search/run_once.h"

namespace automap {
namespace {

constexpr int32_t kMaxStages = 256;
constexpr int32_t kMaxMicroBatches = 4096;
constexpr int64_t kMostMicroBatchesTried = 64;
constexpr int32_t kMostStagesTimesDevices = 64;  // of a quick search for the best cuts

using CutEngine = std::function<absl::StatusOr<PipelineOutcome>(
    const PipelineProblem&, Preset, const EngineBudget&, const PipelineObserver&)>;

// Explores stages to a finished plan.
class PipelineExploration {
 public:
  explicit PipelineExploration(const PlanRequest& request) : request_(request) {
    bound_.proof = kOpenProof;
  }

  absl::StatusOr<v1::Plan> Run() {
    RETURN_IF_ERROR(CheckOptions());
    RETURN_IF_ERROR(MakeProblem());
    bound_ =
        BoundOf(*problem_, request_.stop, [&](const PipelineCuts& cuts) { ReportEarly(cuts); });
    if (!bound_.is_found && bound_.proof == kStoppedProof)
      return absl::DeadlineExceededError("stopped before the first plan was found");
    if (!bound_.is_found) {
      return absl::FailedPreconditionError(
          absl::StrCat("no pipeline of ", stages_, " stages: ", bound_.proof,
                       "; --ignore-memory plans with the limit lifted"));
    }
    RETURN_IF_ERROR(Search());
    const PipelineOutcome* winner = Winner();
    ASSIGN_OR_RETURN(v1::Plan plan, Describe(winner->choice));
    FillBound(bound_.lower_bound, bound_.proof, plan.cost().step_time_s(), *plan.mutable_bound());
    FillSearch(*winner, plan);
    return plan;
  }

 private:
  absl::Status CheckOptions() {
    const v1::PlanOptions& options = request_.options;
    if (options.stages() < 0 || options.stages() > kMaxStages) {
      return absl::InvalidArgumentError(absl::StrCat("options.stages: ", options.stages(),
                                                     ", must be 0 (chosen) to ", kMaxStages));
    }
    if (options.micro_batches() < 0 || options.micro_batches() > kMaxMicroBatches) {
      return absl::InvalidArgumentError(
          absl::StrCat("options.micro_batches: ", options.micro_batches(),
                       ", must be 0 (chosen) to ", kMaxMicroBatches));
    }
    stages_ = options.stages() > 0 ? options.stages()
                                   : static_cast<int32_t>(request_.cluster.servers.size());
    return absl::OkStatus();
  }

  std::unique_ptr<PipelineProblem> ProblemOf(const LayerChain& chain, int32_t micro_batches) const {
    return std::make_unique<PipelineProblem>(
        chain, request_.cluster,
        PipelineProblemOptions{stages_, micro_batches, request_.options.ignore_memory()});
  }

  absl::Status MakeProblem() {
    if (request_.profile != nullptr) {
      const int32_t given = request_.options.micro_batches();
      chain_ = ChainOfMicroBatches(*request_.profile, given > 0 ? given : 4 * stages_);
      problem_ = ProblemOf(chain_, given > 0 ? given : 4 * stages_);
      return problem_->Check();
    }
    if (request_.options.micro_batches() > 0)
      return UseMicroBatches(request_.options.micro_batches());
    return ChooseMicroBatches();
  }

  absl::Status UseMicroBatches(int32_t micro_batches) {
    ASSIGN_OR_RETURN(chain_, ChainOfModule(*request_.module, request_.cluster, micro_batches));
    problem_ = ProblemOf(chain_, micro_batches);
    early_.reset();
    return problem_->Check();
  }

  PipelineCuts GoodCuts() const {
    if (stages_ * request_.cluster.device_count() <= kMostStagesTimesDevices) {
      PipelineBound bound = BoundOf(*problem_, request_.stop);
      if (bound.is_found) return std::move(bound.best);
    }
    return LocalCuts(*problem_, EvenCuts(*problem_), request_.stop);
  }

  bool IsAsked(int32_t micro_batches) const {
    if (!request_.quick || request_.quick->micro_batches.empty()) return true;
    const std::vector<int32_t>& asked = request_.quick->micro_batches;
    return std::find(asked.begin(), asked.end(), micro_batches) != asked.end();
  }

  // Divisors of the batch are tried, larger ones twice the one before: the one whose best cuts are
  // the shortest; their local optimum where finding the best takes long.
  absl::Status ChooseMicroBatches() {
    const Batch batch = FindBatch(*request_.module, 2);
    if (batch.propagation == nullptr) return UseMicroBatches(1);
    std::optional<PipelineCost> best;
    std::optional<PipelineCuts> best_cuts;
    int32_t chosen = 1;
    for (int64_t count = 1; count <= std::min(batch.size, kMostMicroBatchesTried); count *= 2) {
      if (batch.size % count != 0 || (best && request_.stop())) break;
      if (!IsAsked(static_cast<int32_t>(count))) continue;
      RETURN_IF_ERROR(UseMicroBatches(static_cast<int32_t>(count)));
      const PipelineCuts cuts = GoodCuts();
      const PipelineCost cost = problem_->SimulatedCost(cuts);
      ReportEarly(cuts);
      if (best && !problem_->IsBetter(cost, *best)) continue;
      best = cost;
      best_cuts = cuts;
      chosen = static_cast<int32_t>(count);
    }
    if (chosen != problem_->options().micro_batches) RETURN_IF_ERROR(UseMicroBatches(chosen));
    early_ = best_cuts;
    return absl::OkStatus();
  }

  absl::Status Search() {
    EngineBudget budget;
    budget.decisions = request_.options.max_decisions();
    if (budget.decisions <= 0)
      budget.decisions = request_.preset == Preset::kPaper ? 6000 : std::max(1200, 300 * stages_);
    budget.seed = request_.options.seed();
    budget.stop = request_.stop;
    if (request_.stops_at_proof()) budget.reached = bound_.lower_bound;
    const PipelineObserver observer = [&](const PipelineOutcome& outcome, bool improved) {
      Report(outcome, improved, budget);
    };
    PipelineOutcome exact = ExactOutcome();
    if (request_.preset == Preset::kDefault) Report(exact, true, budget);
    if (!request_.quick && !(IsProven(exact.cost) && request_.stops_at_proof()))
      RETURN_IF_ERROR(Learn(budget, observer));
    outcomes_.push_back(std::move(exact));
    for (PipelineOutcome& outcome : outcomes_) JudgeBySimulation(*problem_, outcome);
    return absl::OkStatus();
  }

  // Whether the simulated step is as short as the bound, so that engines have nothing to find.
  bool IsProven(const PipelineCost& cost) const {
    const bool is_usable = cost.fits() || request_.options.ignore_memory();
    return is_usable && cost.length <= bound_.lower_bound * (1 + 1e-9);
  }

  absl::Status Learn(const EngineBudget& budget, const PipelineObserver& observer) {
    for (const auto& [name, search] :
         std::initializer_list<std::pair<const char*, CutEngine>>{{"dqn", SearchCutsByDqn},
                                                                  {"greedy", SearchCutsGreedily},
                                                                  {"random", SearchCutsRandomly}}) {
      const auto run = [&, search = search](const EngineBudget& own) {
        return search(*problem_, request_.preset, own, observer);
      };
      ASSIGN_OR_RETURN(outcomes_.emplace_back(),
                       RunOnce<PipelineOutcome>(request_.journal, absl::StrCat("pp/", name),
                                                *problem_, budget, observer, run));
    }
    if (request_.preset == Preset::kDefault)
      outcomes_.push_back(InferCuts(*problem_, ShippedPipelinePolicy().policy));
    return absl::OkStatus();
  }

  // The proven best by the closed form, and from there and from even cuts the best by simulation.
  PipelineOutcome ExactOutcome() const {
    PipelineOutcome exact;
    exact.engine = "exact";
    exact.found = true;
    exact.choice = SimulatedLocalCuts(*problem_, bound_.best, request_.stop);
    const PipelineCuts other = SimulatedLocalCuts(*problem_, EvenCuts(*problem_), request_.stop);
    if (problem_->IsLegal(other) && IsSooner(other, exact.choice)) exact.choice = other;
    if (early_ && IsSooner(*early_, exact.choice)) exact.choice = *early_;
    exact.cost = problem_->SimulatedCost(exact.choice);
    return exact;
  }

  // The best of all engines; among equals the first. The paper's preset reports its own agent,
  // unless its plan does not fit.
  const PipelineOutcome* Winner() const {
    const PipelineOutcome* winner = nullptr;
    for (const PipelineOutcome& outcome : outcomes_) {
      const bool usable = outcome.cost.fits() || request_.options.ignore_memory();
      if (!usable) continue;
      if (winner == nullptr || (problem_->IsBetter(outcome.cost, winner->cost) &&
                                outcome.cost.length.value < winner->cost.length.value * (1 - 1e-9)))
        winner = &outcome;
      if (request_.preset == Preset::kPaper) break;
    }
    return winner;
  }

  absl::StatusOr<v1::Plan> Describe(const PipelineCuts& cuts) const {
    return DescribePipelinePlan(request_.module, request_.profile_sha256, request_.cluster_proto,
                                *problem_, cuts, request_.semantics_proto());
  }

  void FillSearch(const PipelineOutcome& winner, v1::Plan& plan) const {
    v1::Plan::Search& search = *plan.mutable_search();
    search.set_engine(winner.engine);
    search.set_preset(request_.preset == Preset::kPaper ? "paper" : "default");
    search.set_seed(request_.options.seed());
    search.set_wall_s(reporter_.elapsed());
    for (const auto& [decisions, time] : winner.curve) {
      v1::Plan::CurvePoint& point = *search.add_curve();
      point.set_decisions(decisions);
      point.set_step_time_s(time.value);
    }
    for (const PipelineOutcome& outcome : outcomes_) {
      search.set_episodes(search.episodes() + outcome.episodes);
      search.set_decisions(search.decisions() + outcome.decisions);
      v1::Plan::EngineResult& result = *search.add_engines();
      result.set_engine(outcome.engine);
      result.set_step_time_s(outcome.cost.length.value);
      result.set_episodes(outcome.episodes);
      result.set_decisions(outcome.decisions);
      result.set_best_return(outcome.best_return);
      result.set_fits(outcome.cost.fits());
      result.set_decisions_to_best(outcome.decisions_to_best);
    }
  }

  void Report(const PipelineOutcome& outcome, bool improved, const EngineBudget& budget) {
    const bool usable = outcome.cost.fits() || request_.options.ignore_memory();
    if (improved && usable) ReportPlan(outcome.choice);
    if (!reporter_.IsDue(improved)) return;
    v1::Progress progress;
    progress.set_engine(outcome.engine);
    progress.set_episode(outcome.episodes);
    progress.set_decisions(outcome.decisions);
    progress.set_decisions_total(budget.decisions);
    if (reported_) progress.set_best_cost_s(reported_->length.value);
    progress.set_lower_bound_s(bound_.lower_bound.value);
    reporter_.Send(std::move(progress));
  }

  // Before the proof: the first plan at once, the next ones with it, as describing one takes longer
  // than finding it. The paper's preset passes on its own agent's plans only.
  void ReportEarly(const PipelineCuts& cuts) {
    if (!early_ || IsSooner(cuts, *early_)) early_ = cuts;
    if (request_.preset == Preset::kDefault && !reported_ && !request_.stop()) ReportPlan(cuts);
  }
  bool IsSooner(const PipelineCuts& a, const PipelineCuts& b) const {
    return problem_->IsBetter(problem_->SimulatedCost(a), problem_->SimulatedCost(b));
  }

  // Passes on a plan that is the best so far, with its bound.
  void ReportPlan(const PipelineCuts& cuts) {
    const PipelineCost cost = problem_->SimulatedCost(cuts);
    if (!cost.fits() && !request_.options.ignore_memory()) return;
    if (reported_ && !problem_->IsBetter(cost, *reported_)) return;
    reported_ = cost;
    if (!request_.observer.improved_plan) return;
    auto plan = Describe(cuts);
    if (!plan.ok()) return;
    FillBound(bound_.lower_bound, bound_.proof, plan->cost().step_time_s(), *plan->mutable_bound());
    request_.observer.improved_plan(*plan);
  }

  const PlanRequest& request_;
  int32_t stages_ = 1;
  LayerChain chain_;
  std::unique_ptr<PipelineProblem> problem_;
  PipelineBound bound_;
  std::vector<PipelineOutcome> outcomes_;
  std::optional<PipelineCuts> early_;  // the best that was found before the proof
  std::optional<PipelineCost> reported_;
  ProgressReporter reporter_{request_};
};

}  // namespace

absl::StatusOr<v1::Plan> PlanPipeline(const PlanRequest& request) {
  return PipelineExploration(request).Run();
}

}  // namespace automap

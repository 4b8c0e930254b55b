#include "planner/strategies/cut_search.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/search/flat_inference.h"
#include "planner/search/flat_policy.h"
#include "planner/search/pipeline_inference.h"
#include "planner/search/pipeline_policy.h"
#include "planner/search/run_once.h"

namespace automap {
namespace {

constexpr int32_t kMaxStages = 256;
constexpr int32_t kMaxMicroBatches = 4096;
constexpr int64_t kMostMicroBatchesTried = 64;

using CutEngine = std::function<absl::StatusOr<PipelineOutcome>(
    const PipelineEnvironment&, const EngineBudget&, const PipelineObserver&)>;

PipelineOutcome ExactOutcome(const CutTask& task) {
  const PipelineProblem& problem = task.problem;
  PipelineOutcome exact;
  exact.engine = "exact";
  exact.found = true;
  exact.choice = task.bound.best;
  if (task.early && problem.IsSooner(*task.early, exact.choice)) exact.choice = *task.early;
  exact.cost = problem.SimulatedCost(exact.choice);
  return exact;
}

EngineBudget BudgetOf(const PlanRequest& request, const CutTask& task) {
  EngineBudget budget;
  budget.decisions = request.options.max_decisions();
  if (budget.decisions <= 0) {
    budget.decisions =
        request.preset == Preset::kPaper ? 6000 : UsualDecisions(task.problem.options().stages);
  }
  budget.seed = request.options.seed();
  budget.stop = request.stop;
  if (request.stops_at_proof()) budget.reached = task.bound.lower_bound;
  return budget;
}

// Passes on what improves. All of it must outlive the observer.
PipelineObserver ObserverOf(const CutTask& task, const DescribeCuts& describe,
                            const EngineBudget& budget, PipelineReport& report) {
  return [&](const PipelineOutcome& outcome, bool improved) {
    if (improved && report.IsUsable(outcome.cost)) {
      report.OfPlan(task.problem.SimulatedCost(outcome.choice), task.problem,
                    [&] { return describe(outcome.choice); });
    }
    report.OfEngine(outcome, improved, budget);
  };
}

// Null: none is usable.
const PipelineOutcome* BestOutcome(const PlanRequest& request, const PipelineProblem& problem,
                                   const std::vector<PipelineOutcome>& outcomes) {
  const PipelineOutcome* winner = nullptr;
  for (const PipelineOutcome& outcome : outcomes) {
    const bool usable = outcome.cost.fits() || request.options.ignore_memory();
    if (!outcome.found || !usable) continue;
    if (winner == nullptr || (problem.IsBetter(outcome.cost, winner->cost) &&
                              outcome.cost.length.value < winner->cost.length.value * (1 - 1e-9)))
      winner = &outcome;
    if (request.preset == Preset::kPaper) break;
  }
  return winner;
}

// By the preset's network, which was trained offline.
PipelineOutcome Infer(Preset preset, const PipelineProblem& problem) {
  if (preset == Preset::kDefault) return InferCuts(problem, ShippedPipelinePolicy().network);
  absl::StatusOr<PipelineOutcome> found = InferCutsFlat(problem, ShippedFlatPolicy().network);
  if (found.ok()) return *std::move(found);
  PipelineOutcome none;
  none.engine = "inference";
  none.refusal = std::string(found.status().message());
  return none;
}

absl::Status RunEngines(const PlanRequest& request, const CutTask& task, const EngineBudget& budget,
                        const PipelineObserver& observer, std::vector<PipelineOutcome>& outcomes) {
  std::optional<PipelineEnvironment> root;  // once one is asked for that has not ended before
  for (const auto& [engine, search] :
       std::initializer_list<std::pair<const char*, CutEngine>>{{"dqn", SearchCutsByDqn},
                                                                {"greedy", SearchCutsGreedily},
                                                                {"random", SearchCutsRandomly}}) {
    const auto run = [&, search = search](const EngineBudget& own) {
      if (!root) root = PipelineEnvironmentOf(task.problem, request.preset);
      return search(*root, own, observer);
    };
    ASSIGN_OR_RETURN(outcomes.emplace_back(),
                     RunOnce<PipelineOutcome>(request.journal, absl::StrCat(task.name, "/", engine),
                                              task.problem, budget, observer, run));
  }
  outcomes.push_back(Infer(request.preset, task.problem));
  return absl::OkStatus();
}

}  // namespace

PipelineOutcome ProveCuts(const PlanRequest& request, const CutTask& task,
                          const DescribeCuts& describe, PipelineReport& report) {
  const EngineBudget budget = BudgetOf(request, task);
  PipelineOutcome exact = ExactOutcome(task);
  if (request.preset == Preset::kDefault) ObserverOf(task, describe, budget, report)(exact, true);
  return exact;
}

std::optional<Seconds> ProvenTime(const PlanRequest& request, const PipelineOutcome& exact) {
  const bool usable = exact.cost.fits() || request.options.ignore_memory();
  if (request.preset == Preset::kPaper || !usable) return std::nullopt;
  return exact.cost.length;
}

absl::StatusOr<std::vector<PipelineOutcome>> LearnCuts(const PlanRequest& request,
                                                       const CutTask& task, PipelineOutcome exact,
                                                       const DescribeCuts& describe,
                                                       PipelineReport& report) {
  const EngineBudget budget = BudgetOf(request, task);
  const PipelineObserver observer = ObserverOf(task, describe, budget, report);
  std::vector<PipelineOutcome> outcomes;
  if (!request.quick) RETURN_IF_ERROR(RunEngines(request, task, budget, observer, outcomes));
  outcomes.push_back(std::move(exact));
  for (PipelineOutcome& outcome : outcomes) {
    if (outcome.found) JudgeBySimulation(task.problem, outcome);
  }
  return outcomes;
}

absl::StatusOr<v1::Plan> PlanOfBest(const PlanRequest& request, const PipelineProblem& problem,
                                    const PipelineBound& bound,
                                    const std::vector<PipelineOutcome>& outcomes,
                                    const DescribeCuts& describe, const PipelineReport& report) {
  const PipelineOutcome& best = *BestOutcome(request, problem, outcomes);
  ASSIGN_OR_RETURN(v1::Plan plan, describe(best.choice));
  FillBound(bound.lower_bound, bound.proof, plan.cost().step_time_s(), *plan.mutable_bound());
  report.Fill(outcomes, best, plan);
  return plan;
}

absl::Status CheckPipelineOptions(const v1::PlanOptions& options) {
  if (options.stages() < 0 || options.stages() > kMaxStages) {
    return absl::InvalidArgumentError(
        absl::StrCat("options.stages: ", options.stages(), ", must be 0 (chosen) to ", kMaxStages));
  }
  if (options.micro_batches() < 0 || options.micro_batches() > kMaxMicroBatches) {
    return absl::InvalidArgumentError(
        absl::StrCat("options.micro_batches: ", options.micro_batches(), ", must be 0 (chosen) to ",
                     kMaxMicroBatches));
  }
  return absl::OkStatus();
}

std::vector<int32_t> MicroBatchesToTry(const PlanRequest& request) {
  if (request.options.micro_batches() > 0) return {request.options.micro_batches()};
  const Batch& batch = *request.facts->BatchIn(2);
  if (batch.propagation == nullptr) return {1};
  const std::vector<int32_t> asked =
      request.quick ? request.quick->micro_batches : std::vector<int32_t>();
  std::vector<int32_t> tried;
  for (int64_t count = 1; count <= std::min(batch.size, kMostMicroBatchesTried); count *= 2) {
    if (batch.size % count != 0) break;
    const int32_t number = static_cast<int32_t>(count);
    if (asked.empty() || std::find(asked.begin(), asked.end(), number) != asked.end())
      tried.push_back(number);
  }
  return tried.empty() ? std::vector<int32_t>{1} : tried;
}

}  // namespace automap

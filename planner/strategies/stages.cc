#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/explore/pipeline/step_costs.h"
#include "planner/oracle/stopped.h"
#include "planner/strategies/cut_search.h"
#include "planner/strategies/strategies.h"

namespace automap {
namespace {

constexpr int32_t kMostStagesTimesDevices = 64;  // of a quick search for the best cuts

class PipelineRun final : public StrategyRun {
 public:
  explicit PipelineRun(const PlanRequest& request) : request_(request) {
    report_.SetBound(Seconds{0}, kOpenProof);
  }

  absl::StatusOr<std::optional<Seconds>> Prove(std::optional<Seconds>) override {
    RETURN_IF_ERROR(CheckPipelineOptions(request_.options));
    stages_ = request_.options.stages() > 0 ? request_.options.stages()
                                            : static_cast<int32_t>(request_.cluster.servers.size());
    RETURN_IF_ERROR(MakeProblem());
    bound_ = SimulatedBoundOf(*problem_, request_.stop,
                              [&](const PipelineCuts& cuts) { ReportEarly(cuts); });
    if (!bound_.is_found && bound_.proof == kStoppedProof)
      return absl::DeadlineExceededError("stopped before the first plan was found");
    if (!bound_.is_found) {
      return absl::FailedPreconditionError(
          absl::StrCat("no pipeline of ", stages_, " stages: ", bound_.proof,
                       "; --ignore-memory plans with the limit lifted"));
    }
    report_.SetBound(bound_.lower_bound, bound_.proof);
    exact_ = ProveCuts(request_, Task(), describe_, report_);
    return ProvenTime(request_, exact_);
  }

  absl::StatusOr<v1::Plan> Learn() override {
    ASSIGN_OR_RETURN(const std::vector<PipelineOutcome> outcomes,
                     LearnCuts(request_, Task(), exact_, describe_, report_));
    return PlanOfBest(request_, *problem_, bound_, outcomes, describe_, report_);
  }

 private:
  CutTask Task() const { return {"pp", *problem_, bound_, early_}; }

  std::unique_ptr<PipelineProblem> ProblemOf(const LayerChain& chain, int32_t micro_batches) const {
    return std::make_unique<PipelineProblem>(
        chain, request_.cluster,
        PipelineProblemOptions{stages_, micro_batches, request_.options.ignore_memory()});
  }

  absl::Status MakeProblem() {
    if (request_.profile == nullptr) return ChooseMicroBatches();
    const int32_t given = request_.options.micro_batches();
    chain_ = ChainOfMicroBatches(*request_.profile, given > 0 ? given : 4 * stages_);
    problem_ = ProblemOf(chain_, given > 0 ? given : 4 * stages_);
    return problem_->Check();
  }

  absl::Status UseMicroBatches(int32_t micro_batches) {
    ASSIGN_OR_RETURN(const auto costs,
                     StepCosts::Create(*request_.facts, request_.cluster, micro_batches));
    chain_ = costs->Chain();
    problem_ = ProblemOf(chain_, micro_batches);
    early_.reset();
    return problem_->Check();
  }

  absl::StatusOr<v1::Plan> Describe(const PipelineCuts& cuts) const {
    return DescribePipelinePlan(request_.module, request_.profile_sha256, request_.cluster_proto,
                                *problem_, cuts, request_.semantics_proto());
  }

  // Before the proof: the first plan at once, the next ones with it, as describing one takes longer
  // than finding it. The paper's preset passes on its own agent's plans only.
  void ReportEarly(const PipelineCuts& cuts) {
    if (!early_ || problem_->IsSooner(cuts, *early_)) early_ = cuts;
    if (request_.preset != Preset::kDefault || report_.HasPlan() || request_.stop()) return;
    report_.OfPlan(problem_->SimulatedCost(cuts), *problem_, [&] { return Describe(cuts); });
  }

  PipelineCuts GoodCuts() const {
    if (stages_ * request_.cluster.device_count() <= kMostStagesTimesDevices) {
      PipelineBound bound = QuickBoundOf(*problem_, request_.stop);
      if (bound.is_found) return std::move(bound.best);
    }
    return LocalCuts(*problem_, EvenCuts(*problem_), request_.stop);
  }

  // Of several numbers of micro-batches the one whose best cuts are the shortest; their local
  // optimum where finding the best takes long.
  absl::Status ChooseMicroBatches() {
    std::optional<PipelineCost> best;
    std::optional<PipelineCuts> best_cuts;
    const std::vector<int32_t> tried = MicroBatchesToTry(request_);
    int32_t chosen = tried.front();
    for (const int32_t count : tried) {
      if (tried.size() == 1 || (best && request_.stop())) break;
      RETURN_IF_ERROR(UseMicroBatches(count));
      const PipelineCuts cuts = GoodCuts();
      const PipelineCost cost = problem_->SimulatedCost(cuts);
      ReportEarly(cuts);
      if (best && !problem_->IsBetter(cost, *best)) continue;
      best = cost;
      best_cuts = cuts;
      chosen = count;
    }
    if (problem_ == nullptr || chosen != problem_->options().micro_batches)
      RETURN_IF_ERROR(UseMicroBatches(chosen));
    early_ = best_cuts;
    return absl::OkStatus();
  }

  const PlanRequest request_;
  const DescribeCuts describe_ = [this](const PipelineCuts& cuts) { return Describe(cuts); };
  int32_t stages_ = 1;
  LayerChain chain_;
  std::unique_ptr<PipelineProblem> problem_;
  std::optional<PipelineCuts> early_;  // the best that was found before the proof
  PipelineBound bound_;
  PipelineOutcome exact_;
  PipelineReport report_{request_};
};

}  // namespace

std::unique_ptr<StrategyRun> StartPipeline(const PlanRequest& request) {
  return std::make_unique<PipelineRun>(request);
}

}  // namespace automap

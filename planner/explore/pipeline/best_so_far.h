// Costs of cuts beside others whose stages are known: hill climbing changes two or three stages of
// many.
#pragma once

#include <vector>

#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// The best cuts so far, and their stages. The problem must outlive it. Not thread-safe.
class BestSoFar {
 public:
  // `start` must be legal.
  BestSoFar(const PipelineProblem& problem, PipelineCuts start);

  const PipelineCuts& cuts() const { return cuts_; }
  // Whether these cuts, which have as many ends, are legal and better (PipelineProblem::IsBetter);
  // then they are the best. O(stages) for what is compared, and O(stages^2) with a small constant
  // for PipelineLength; only stages that changed are priced.
  bool Offer(const PipelineCuts& cuts);
  // Whether a stage behind the best cuts' first `s` alone, the way through those and back, and
  // their all-reduces take as long as the best cuts.
  bool IsLonger(int32_t s, PipelineProblem::Range layers, PipelineProblem::Range devices) const;

 private:
  using Range = PipelineProblem::Range;

  bool HasStage(const PipelineCuts& cuts, int32_t s) const;
  Range ChangedBy(const PipelineCuts& cuts) const;
  bool PriceChanged(const PipelineCuts& cuts, Range changed);
  void PriceSends(const PipelineCuts& cuts, Range changed);
  void PriceSyncs(const PipelineCuts& cuts, Range changed);
  // Whether what is offered takes as long as the best cuts, with the all-reduces known so far.
  bool IsOfferLonger() const;
  bool PriceAll(const PipelineCuts& cuts, Range changed);
  // All micro-batches, one after the other.
  Seconds AloneTakes(const PipelineStage& stage) const {
    return (stage.forward + stage.backward) * problem_.options().micro_batches;
  }
  void SumWays();
  // Whether what fits and is shorter is all that is better.
  bool IsByLength() const { return problem_.options().ignore_memory || cost_.fits(); }
  PipelineCost CostOf(const std::vector<PipelineStage>& stages,
                      const std::vector<double>& pressures) const;

  const PipelineProblem& problem_;
  PipelineCuts cuts_;
  PipelineCost cost_;  // length and pressure alone
  // By stage; pressures are 0 when memory does not count. What is offered is the same between two
  // offers.
  std::vector<PipelineStage> stages_, offered_;
  std::vector<double> pressures_, offered_pressures_;
  // By stage, of the best cuts.
  std::vector<Seconds> ways_;   // through the stages before and back, but for the transfer to it
  std::vector<Seconds> tails_;  // how long the all-reduces before it outlast its own backwards' way
};

}  // namespace automap

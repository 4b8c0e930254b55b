// The best splits and cuts together, for one size of the model axis and one number of
// micro-batches.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/explore/hybrid/model_axis.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

struct StageSplitsOptions {
  int32_t axis_size = 1;  // 1: pipeline stages alone
  Semantics semantics = {};
  bool ignore_memory = false;
  // Where there are so many choices x stages x layers x places or fewer all choices are tried.
  int64_t most_tried = 20'000;
};

// Splits, the chain that they make, and cuts of it.
struct StagedSplits {
  std::vector<bool> choice;            // by group of the axis
  std::optional<AxisDecisions> model;  // the same; none: axis size 1
  std::shared_ptr<const LayerChain> chain;
  PipelineCuts cuts;
  PipelineCost cost;  // by the length in closed form
};

// Alternates between the two: splits by what they are worth (ModelAxis::Choose) where the cuts lie,
// cuts by hill climbing on the chain that they make, until neither gets better. Where the fastest
// do not fit, memory gets a price, the same in all stages, that rises until they do; then stage by
// stage it is lifted again as far as it goes, so that each stage is split as its own memory asks
// for.
//
// `costs` must outlive it. Not thread-safe.
class StageSplits {
 public:
  // INVALID_ARGUMENT when the axis does not divide the devices. `links`, of the cluster and the
  // axis size, and `groups`, of the module, may be shared with others of one thread; null: its own.
  static absl::StatusOr<StageSplits> Create(const StepCosts& costs,
                                            const StageSplitsOptions& options,
                                            std::shared_ptr<StageLinks> links = nullptr,
                                            KnownAxisGroups* groups = nullptr);

  // Whether the axis has anything to split.
  bool HasGroups() const { return !axis_ || axis_->group_count() > 0; }
  // Whether sums are not deferred although the semantics would, as groups overlap.
  bool SumsAtOnce() const { return axis_ && axis_->SumsAtOnce(); }
  int32_t places() const { return links_->places(); }
  std::unique_ptr<PipelineProblem> ProblemOf(const LayerChain& chain, int32_t stages) const;

  // Seconds that a step takes at least, whatever the splits, the stages and the cuts: all of its
  // work shared evenly by all devices.
  Seconds LeastTime() const;
  // Whether any splits and cuts into so many stages fit if devices had `factor` times their memory.
  bool MayFit(int32_t stages, double factor = 1) const;
  // How good any splits and cuts into so many stages can be (simulated_bound.h): of few groups and
  // cuts the best of all choices, of more the bound of the relaxed chain; of axis size 1 that of
  // the cuts.
  PipelineBound BoundOfStages(int32_t stages, const std::function<bool()>& stop = nullptr);

  // The best that was found, which may not fit; none where the module cannot be cut into so many
  // stages. Once `stop` says true, the best so far.
  std::optional<StagedSplits> Solve(int32_t stages, const std::function<bool()>& stop);

  // Hill climbing from there: groups of one structure are split, or no longer, all together and,
  // where they are few, one by one. At most so many chains are tried.
  StagedSplits Refine(StagedSplits from, int32_t stages, int32_t most_tried,
                      const std::function<bool()>& stop);

 private:
  StageSplits(const StepCosts& costs, const StageSplitsOptions& options,
              std::optional<ModelAxis> axis, std::shared_ptr<StageLinks> links);

  using Choice = std::vector<bool>;

  // The best of all choices with their best cuts, where one fits.
  struct Tried {
    PipelineBound bound;
    std::optional<StagedSplits> best;
  };
  bool MayTryAll(int32_t stages) const;
  Tried TryAll(int32_t stages, const std::function<bool()>& stop);

  std::vector<LayerPrice> EvenPrices(int32_t stages) const;
  std::vector<LayerPrice> PricesAt(const StagedSplits& at, const std::vector<double>& memory) const;
  std::vector<std::vector<int32_t>> Units() const;
  std::shared_ptr<const LayerChain> ChainOf(const Choice& choice);
  std::optional<StagedSplits> Evaluate(const Choice& choice, int32_t stages,
                                       const PipelineCuts* start);
  bool IsBetter(const PipelineCost& a, const PipelineCost& b) const {
    return automap::IsBetter(a, b, options_.ignore_memory);
  }
  std::optional<StagedSplits> RaisePrice(StagedSplits fastest, int32_t stages,
                                         std::vector<double>& price,
                                         const std::function<bool()>& stop);
  StagedSplits LiftPrices(StagedSplits fitting, int32_t stages, std::vector<double> price,
                          const std::function<bool()>& stop);
  StagedSplits Alternate(StagedSplits from, int32_t stages, const std::vector<double>& price,
                         const std::function<bool()>& stop);

  const StepCosts& costs_;
  StageSplitsOptions options_;
  std::optional<ModelAxis> axis_;
  std::shared_ptr<StageLinks> links_;
  LayerChain relaxed_;
  std::map<Choice, std::shared_ptr<const LayerChain>> chains_;
};

}  // namespace automap

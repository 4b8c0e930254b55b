#include "planner/explore/pipeline/pipeline_environment.h"

#include <algorithm>

namespace automap {
namespace {

constexpr double kOutOfMemory = -1;  // paper section 5

}  // namespace

PipelineEnvironment::PipelineEnvironment(const PipelineProblem& problem,
                                         PipelineEnvironmentOptions options)
    : problem_(&problem),
      options_(options),
      finder_(std::make_shared<CutCandidates>(problem, options)),
      prefix_(problem) {
  Reset();
}

int PipelineEnvironment::observation_size() const {
  return num_actions() * (options_.is_paper() ? kPaperFeatures : kCandidateFeatures);
}

void PipelineEnvironment::Reset() {
  prefix_ = PipelinePrefix(*problem_);
  done_ = false;
  if (problem_->options().stages == 1) return Finish();
  candidates_ = finder_->Of(prefix_);
}

void PipelineEnvironment::LegalActions(absl::Span<uint8_t> mask) const {
  for (size_t a = 0; a < mask.size(); ++a) mask[a] = !done_ && candidates_[a].is_legal;
}

void PipelineEnvironment::Finish() {
  prefix_.Finish();
  done_ = true;
}

double PipelineEnvironment::Step(int action) {
  prefix_.Append(LayerEnd(action), DeviceEnd(action));
  if (prefix_.stages_behind() > 0) {
    candidates_ = finder_->Of(prefix_);
    return 0;
  }
  Finish();
  const PipelineCost cost = CostOf(cuts());
  const bool fits = cost.fits() || problem_->options().ignore_memory;
  if (options_.is_paper()) return fits ? 1 / cost.length.value : kOutOfMemory;
  const Seconds least = problem_->LeastTime(problem_->layers(), problem_->devices()) *
                        problem_->options().micro_batches;
  return fits ? kGapScale * (least / cost.length - 1) : -kGapScale * std::min(4.0, cost.pressure);
}

int PipelineEnvironment::LegalCount() const {
  return static_cast<int>(
      std::count_if(candidates_.begin(), candidates_.end(),
                    [](const CutCandidate& candidate) { return candidate.is_legal; }));
}

int PipelineEnvironment::ShortestAction() const {
  int best = -1;
  for (int a = 0; a < static_cast<int>(candidates_.size()); ++a) {
    if (candidates_[a].is_legal && (best < 0 || Projection(a) < Projection(best))) best = a;
  }
  return best;
}

std::unique_ptr<Environment> PipelineEnvironment::Clone() const {
  return std::make_unique<PipelineEnvironment>(*this);
}

}  // namespace automap

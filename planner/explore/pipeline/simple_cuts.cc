#include "planner/explore/pipeline/simple_cuts.h"

#include <algorithm>

namespace automap {
namespace {

// `large` stages, with the small ones before the one of number `place`.
PipelineCuts CutsWith(const PipelineProblem& problem, int32_t large, int32_t place) {
  const int32_t small = problem.options().stages - large;
  const int32_t shared = problem.devices() - small;
  PipelineCuts cuts;
  int32_t layer = 0, device = 0;
  const auto put = [&](int32_t layer_end, int32_t device_end) {
    cuts.layer_ends.push_back(layer = layer_end);
    cuts.device_ends.push_back(device = device_end);
  };
  const auto put_small = [&] {
    for (int32_t s = 0; s < small; ++s) put(layer + 1, device + 1);
  };
  for (int32_t s = 0; s < large; ++s) {
    if (s == place) put_small();
    const int32_t left = large - 1 - s + (place > s ? small : 0);
    const int32_t wanted = problem.LayerAtWork(0, (s + 1.0) / large);
    const int32_t size = shared * (s + 1) / large - shared * s / large;
    put(std::clamp(wanted, layer + 1, std::max(layer + 1, problem.layers() - left)), device + size);
  }
  if (place == large) put_small();
  return cuts;
}

}  // namespace

std::vector<PipelineCuts> SimpleCuts(const PipelineProblem& problem) {
  const int32_t stages = problem.options().stages;
  std::vector<std::pair<PipelineCost, PipelineCuts>> found;
  for (int32_t large = 1; large <= stages; ++large) {
    for (int32_t place = 0; place <= (large < stages ? large : 0); ++place) {
      PipelineCuts cuts = CutsWith(problem, large, place);
      if (problem.IsLegal(cuts)) found.emplace_back(problem.Cost(cuts), std::move(cuts));
    }
  }
  std::stable_sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
    return problem.IsBetter(a.first, b.first);
  });
  std::vector<PipelineCuts> sorted;
  for (auto& [cost, cuts] : found) sorted.push_back(std::move(cuts));
  return sorted;
}

}  // namespace automap

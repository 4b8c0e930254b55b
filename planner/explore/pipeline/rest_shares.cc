#include "planner/explore/pipeline/rest_shares.h"

#include <algorithm>

namespace automap {
namespace {

constexpr int64_t kMostPlanned = 60'000;  // stages x layers x devices

}  // namespace

RestShares::RestShares(const PipelineProblem& problem, bool has_thrifty, bool has_planned)
    : problem_(problem) {
  if (has_thrifty) FindThrifty();
  if (has_planned) Plan();
}

// Within a third of what a stage has on each side.
void RestShares::FindThrifty() {
  const int32_t layers = problem_.layers(), reach = layers / (3 * problem_.options().stages);
  const auto bytes = [&](int32_t end) {
    return problem_.chain().layers[std::max(end, 1) - 1].boundary;
  };
  for (int32_t end = 0; end <= layers; ++end) {
    int32_t best = end;
    const int32_t last = std::min(layers - 1, end + reach);
    for (int32_t other = std::max(1, end - reach); other <= last; ++other)
      if (bytes(other) < bytes(best)) best = other;
    thrifty_.push_back(best);
  }
}

// Once without knowing what the slowest stage comes to, and once knowing what it then does.
void RestShares::Plan() {
  const int64_t stages = problem_.options().stages;
  if (stages < 3 || stages * problem_.layers() * problem_.devices() > kMostPlanned) return;
  planned_.emplace_back(problem_, Seconds{0});
  if (planned_[0].Has(problem_.options().stages, 0, 0))
    planned_.emplace_back(problem_, planned_[0].Slowest(problem_.options().stages, 0, 0));
}

// Where the `s`th of the `left` stages that share the devices from `device` on ends.
int32_t RestShares::PlaceOf(RestShare share, int32_t device, int32_t s, int32_t left) const {
  const int32_t large = std::clamp(s - share.before, 0, share.large);
  const int64_t shared = problem_.devices() - device - (left - share.large);
  return device + (s - large) + static_cast<int32_t>(shared * large / share.large);
}

PipelineCuts RestShares::CutsWith(const PipelinePrefix& prefix, int32_t layer_end,
                                  int32_t device_end, RestShare share) const {
  PipelineCuts cuts;
  cuts.layer_ends.reserve(problem_.options().stages);
  cuts.device_ends.reserve(problem_.options().stages);
  cuts = prefix.cuts();
  cuts.layer_ends.push_back(layer_end);
  cuts.device_ends.push_back(device_end);
  const int32_t left = prefix.stages_behind();
  if (share.planned >= 0) {
    planned_[share.planned].Append(left, layer_end, device_end, cuts);
    return cuts;
  }
  const double free_devices = problem_.devices() - device_end;
  for (int32_t s = 1; s <= left; ++s) {
    const int32_t end = PlaceOf(share, device_end, s, left);
    int32_t wanted = problem_.layers();
    if (s < left) {
      wanted = problem_.LayerAtWork(layer_end, (end - device_end) / free_devices);
      if (share.thrifty) wanted = thrifty_[wanted];
      wanted = std::clamp(wanted, cuts.layer_ends.back() + 1, problem_.layers() - (left - s));
    }
    cuts.layer_ends.push_back(wanted);
    cuts.device_ends.push_back(end);
  }
  return cuts;
}

}  // namespace automap

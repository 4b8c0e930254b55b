#include "planner/explore/pipeline/rest_cuts.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "base/most.h"

namespace automap {
namespace {

constexpr float kNone = std::numeric_limits<float>::infinity();
constexpr double kTooLarge = 1e6;              // seconds, times the pressure
constexpr int32_t kReach = 6;                  // layers
constexpr int32_t kShortLine = 16, kNear = 2;  // devices

}  // namespace

RestCuts::RestCuts(const PipelineProblem& problem, Seconds least)
    : problem_(problem),
      least_(least.value),
      layers_(problem.layers()),
      devices_(problem.devices()) {
  const int32_t stages = problem.options().stages;
  ways_.assign(IndexOf(stages + 1, 0, 0), {kNone, kNone, kNone, 0, 0});
  for (int32_t device = 0; device < devices_; ++device) {
    for (int32_t layer = 0; layer < layers_; ++layer) PutLast({layer, layers_}, {device, devices_});
  }
  for (int32_t count = 2; count <= stages; ++count) {
    // All of them begin at the first layer and device.
    const int32_t last = count == stages ? 0 : devices_ - count;
    for (int32_t device = stages - count; device <= last; ++device) {
      for (int32_t end = device + 1; end <= devices_ - (count - 1); ++end) {
        if (IsLookedAt(count, {device, end})) PutBefore(count, {device, end});
      }
    }
  }
}

// On long lines few devices, about the even share, and up to where servers end.
bool RestCuts::IsLookedAt(int32_t stages, Range devices) const {
  const int32_t left = devices_ - devices.begin;
  return left <= kShortLine || devices.count() <= kNear ||
         std::abs(devices.count() - left / stages) <= kNear || problem_.IsServerEnd(devices.end);
}

void RestCuts::PutLast(Range layers, Range devices) {
  if (!problem_.HasVariable(layers)) return;
  const PipelineStage stage = problem_.TimesOf(layers, devices);
  const double busy = (stage.forward + stage.backward).value;
  double until = busy + (problem_.options().micro_batches - 1) * std::max(busy, least_) +
                 (problem_.GradientSync(layers, devices) + stage.update).value;
  if (!problem_.MayUse(layers, devices, 0))
    until += kTooLarge * problem_.Pressure(layers, devices, 0);
  const float through = static_cast<float>(busy);
  ways_[IndexOf(1, layers.begin, devices.begin)] = {static_cast<float>(until), through, through,
                                                    layers.end, devices.end};
}

// The first of so many stages on those devices, from each layer on. Where it is as slow as the rest
// moves on with the layer.
void RestCuts::PutBefore(int32_t stages, Range devices) {
  const int32_t most = layers_ - (stages - 1);
  const auto is_slower = [&](int32_t layer, int32_t end) {
    const PipelineStage stage = problem_.TimesOf({layer, end}, devices);
    return (stage.forward + stage.backward).value >= At(stages - 1, end, devices.end).slowest;
  };
  int32_t even = 1;
  const int32_t before = problem_.options().stages - stages;
  for (int32_t layer = before; layer < (before > 0 ? most : 1); ++layer) {
    even = std::max(even, layer + 1);
    while (even < most && !is_slower(layer, even)) ++even;
    const int32_t last = std::min(most, even + kReach);
    for (int32_t end = std::max(layer + 1, even - kReach); end <= last; ++end)
      Try(stages, {layer, end}, devices);
  }
}

void RestCuts::Try(int32_t stages, Range layers, Range devices) {
  const Way& rest = At(stages - 1, layers.end, devices.end);
  Way& best = ways_[IndexOf(stages, layers.begin, devices.begin)];
  if (rest.until == kNone || !problem_.HasVariable(layers)) return;
  const PipelineStage stage = problem_.TimesOf(layers, devices);
  const double send = problem_.Send(layers.end, devices.begin, devices.end, rest.device_end).value;
  const double busy = (stage.forward + stage.backward).value;
  const double through = busy + 2 * send + rest.through;
  const double slowest = Most(busy, send, static_cast<double>(rest.slowest));
  const double end = through + (problem_.options().micro_batches - 1) * std::max(slowest, least_);
  double until = std::max(end, stage.forward.value + send + rest.until);
  if (until >= best.until) return;
  if (!problem_.MayUse(layers, devices, stages - 1))
    until += kTooLarge * problem_.Pressure(layers, devices, stages - 1);
  until = std::max(until, end + (problem_.GradientSync(layers, devices) + stage.update).value);
  if (until >= best.until) return;
  best = {static_cast<float>(until), static_cast<float>(through), static_cast<float>(slowest),
          layers.end, devices.end};
}

void RestCuts::Append(int32_t stages, int32_t layer, int32_t device, PipelineCuts& cuts) const {
  for (; stages > 0; --stages) {
    const Way& way = At(stages, layer, device);
    cuts.layer_ends.push_back(layer = way.layer_end);
    cuts.device_ends.push_back(device = way.device_end);
  }
}

}  // namespace automap

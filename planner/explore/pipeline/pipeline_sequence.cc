#include "planner/explore/pipeline/pipeline_sequence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace automap {
namespace {

constexpr double kGapUnit = 0.01;

float Limited(double value) { return static_cast<float>(std::clamp(value, -4.0, 4.0)); }
float Logarithm(double value) { return Limited(std::log(1e-3 + value) / 2); }

}  // namespace

float PipelineSequence::ScoreOf(Seconds length, Seconds least) {
  const double gap = length / least - 1;
  return static_cast<float>(std::copysign(std::log1p(std::abs(gap) / kGapUnit), -gap));
}

PipelineSequence::PipelineSequence(const PipelineEnvironment& root)
    : problem_(root.problem()),
      unit_(problem_.LeastTime(problem_.layers(), problem_.devices())),
      reference_(root.Projection(0)) {
  const auto& layers = problem_.chain().layers;
  const int32_t count = problem_.layers(), places = problem_.devices();
  const Seconds work = problem_.Work(count);
  double gradients = 0, before = 0;
  for (const Layer& layer : layers) gradients += layer.gradients.value;
  std::vector<int32_t> senders(places - 1);
  std::iota(senders.begin(), senders.end(), 0);
  const StageLinks::AnySender to_last = problem_.SendersTo({places - 1, places}, senders);
  for (int32_t p = 0; p <= count; ++p) {
    const auto work_of = [&](int32_t layer) {
      if (layer < 0 || layer >= count) return 0.0;
      return (problem_.Work(layer + 1) - problem_.Work(layer)) / work * count;
    };
    const double own = p > 0 ? layers[p - 1].gradients.value : 0;
    before += own;
    const bool is_inside = p > 0 && p < count && places > 1;
    const double slow = is_inside ? problem_.MostSend(p, 1, to_last) / unit_ : 0;
    const float values[kTokenFeatures] = {
        static_cast<float>(problem_.Work(p) / work),
        Logarithm(work_of(p - 1)),
        Logarithm(work_of(p)),
        Logarithm(slow),
        Limited(slow),
        static_cast<float>(gradients > 0 ? before / gradients : 0),
        Logarithm(gradients > 0 ? own / gradients * count : 0),
        p < count ? 0.0f : 1.0f,
    };
    tokens_.insert(tokens_.end(), values, values + kTokenFeatures);
  }
}

// What the stages so far come to.
struct PipelineSequence::Begun {
  int32_t layer = 0, device = 0, device_before = 0;
  Seconds most, way, tail;  // slowest stage; through all of them and back; latest all-reduce's end
};

PipelineSequence::Begun PipelineSequence::BegunBy(const PipelineCuts& cuts) const {
  Begun begun;
  Seconds home;
  for (size_t s = 0; s < cuts.layer_ends.size(); ++s) {
    const PipelineProblem::Range layers = {begun.layer, cuts.layer_ends[s]};
    const PipelineProblem::Range devices = {begun.device, cuts.device_ends[s]};
    const PipelineStage stage = problem_.TimesOf(layers, devices);
    begun.most = std::max(begun.most, stage.forward + stage.backward);
    begun.tail = std::max(begun.tail, problem_.GradientSync(layers, devices) + stage.update - home);
    begun.way += stage.forward + stage.backward;
    home += stage.backward;
    if (s + 1 < cuts.layer_ends.size()) {
      const Seconds send =
          problem_.Send(layers.end, devices.begin, devices.end, cuts.device_ends[s + 1]);
      begun.way += 2 * send;
      home += send;
    }
    begun.device_before = devices.begin;
    begun.layer = layers.end;
    begun.device = devices.end;
  }
  return begun;
}

void PipelineSequence::PutRow(const PipelineEnvironment& environment, const Begun& begun,
                              int action, std::vector<float>& rows) const {
  const int32_t layers = problem_.layers(), places = problem_.devices();
  const int32_t stages = problem_.options().stages;
  const int32_t micro_batches = problem_.options().micro_batches;
  const int32_t layer = environment.LayerEnd(action), device = environment.DeviceEnd(action);
  const int32_t left = stages - static_cast<int32_t>(environment.cuts().layer_ends.size()) - 1;
  const PipelineStage stage = problem_.TimesOf({begun.layer, layer}, {begun.device, device});
  const Seconds busy = stage.forward + stage.backward, floor = unit_ * micro_batches;
  const Seconds rest = problem_.LeastSlowest(layers, 1) - problem_.LeastSlowest(layer, 1);
  const Seconds in = begun.layer > 0
                         ? problem_.Send(begun.layer, begun.device_before, begun.device, device)
                         : Seconds{0};
  const int32_t share = std::max(1, (places - device) / left);
  const Seconds out = problem_.Send(layer, begun.device, device, device + share);
  const Seconds sync = problem_.GradientSync({begun.layer, layer}, {begun.device, device});
  const Seconds rest_sync = problem_.GradientSync({layer, layers}, {device, places});
  const Seconds projection = environment.Projection(action);
  const float values[kRowFeatures] = {
      ScoreOf(projection, environment.Projection(0)) / 2,
      Limited(std::log(projection / floor)),
      Limited(10 * (projection / reference_ - 1)),
      Limited(busy / unit_ - 1),
      Limited(rest / (places - device) / unit_ - 1),
      Limited(rest / std::max(1, places - device - left + 1) / unit_ - 1),
      Limited(begun.most / unit_ - 1),
      Limited(begun.way / unit_),
      Limited(begun.tail / floor),
      Limited(in / unit_),
      Logarithm(out / unit_),
      Limited(out / unit_),
      Limited(sync / floor),
      Logarithm(sync / floor),
      Logarithm(rest_sync / floor),
      static_cast<float>(left) / static_cast<float>(stages),
      static_cast<float>(stages) / 8.0f,
      left == 1 ? 1.0f : 0.0f,
      static_cast<float>(layer) / static_cast<float>(layers),
      static_cast<float>(device) / static_cast<float>(places),
      static_cast<float>(device - begun.device) / static_cast<float>(places),
      layer - begun.layer == 1 ? 1.0f : 0.0f,
      device - begun.device == 1 ? 1.0f : 0.0f,
      problem_.IsServerEnd(device) ? 1.0f : 0.0f,
      problem_.IsInOneServer({begun.device, device}) ? 1.0f : 0.0f,
      problem_.IsInOneServer({device, places}) ? 1.0f : 0.0f,
      Limited(std::log2(micro_batches) / 3),
      Limited(std::log2(places) / 3),
  };
  rows.insert(rows.end(), values, values + kRowFeatures);
}

SequenceQuestion PipelineSequence::QuestionAt(const PipelineEnvironment& environment) const {
  SequenceQuestion question;
  const Begun begun = BegunBy(environment.cuts());
  question.from = begun.layer;
  for (int action = 0; action < environment.LegalCount(); ++action) {
    question.at.push_back(environment.LayerEnd(action));
    question.prior.push_back(ScoreOf(environment.Projection(action), reference_));
    PutRow(environment, begun, action, question.rows);
  }
  return question;
}

}  // namespace automap

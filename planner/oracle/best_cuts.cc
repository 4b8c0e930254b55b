#include "planner/oracle/best_cuts.h"

#include <algorithm>
#include <limits>

#include "planner/oracle/prefix_bounds.h"
#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

constexpr size_t kMaxLabels = 12;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Label {
  double way = 0, term = 0, end = 0, journey = 0;
  int32_t first_end = 0;  // where the first stage's devices end
  int32_t layer = 0;      // the suffix after the first stage: its state and its label there; -1: a
  int32_t label = -1;     // merged label, which is no plan
  bool is_merged = false;

  double least_send = 0, most_send = 0;  // of the transfer into the first stage, one direction

  bool Covers(const Label& other, int32_t micro_batches) const {
    if (first_end == other.first_end) {
      return way <= other.way && term <= other.term && end <= other.end && journey <= other.journey;
    }
    const double m = micro_batches, most = most_send, least = other.least_send;
    return way + 2 * most <= other.way + 2 * least && journey + most <= other.journey + least &&
           std::max(term + 2 * most, way + (m + 1) * most) <=
               std::max(other.term + 2 * least, other.way + (m + 1) * least) &&
           std::max(end + most, m * most + journey) <=
               std::max(other.end + least, m * least + other.journey);
  }
};

class CutSearch {
 public:
  // `width` > 0: a beam of that width.
  CutSearch(const CutQuestion& question, Seconds known, size_t width)
      : q_(question),
        known_(known.value > 0 ? known.value * (1 + 1e-12) : kInfinity),
        width_(width),
        prefixes_(question, Seconds{known_ / question.micro_batches}) {}

  CutAnswer Run() {
    levels_.resize(q_.stages);
    for (int32_t after = 0; after < q_.stages && !is_stopped_; ++after) {
      levels_[after].resize(static_cast<size_t>(q_.layers + 1) * (q_.devices + 1));
      if (after == 0) {
        Extend(q_.layers, q_.devices, 0, {});
        continue;
      }
      for (int32_t layer = q_.stages - after; layer < q_.layers; ++layer) {
        for (int32_t device = q_.stages - after; device < q_.devices; ++device) {
          const auto& labels = At(after - 1, layer, device);
          if (!labels.empty()) Extend(layer, device, after, labels);
        }
      }
    }
    if (is_stopped_) return {.is_complete = false};
    return Answer();
  }

 private:
  std::vector<Label>& At(int32_t after, int32_t layer, int32_t device) {
    return levels_[after][static_cast<size_t>(layer) * (q_.devices + 1) + device];
  }

  // All stages that end at (layer_end, device_end) with `after` stages behind them.
  void Extend(int32_t layer_end, int32_t device_end, int32_t after,
              const std::vector<Label>& suffixes) {
    const int32_t before = q_.stages - 1 - after;
    Label least;  // of the suffixes, each figure on its own
    if (!suffixes.empty()) least = suffixes.front();
    for (const Label& suffix : suffixes) {
      least.way = std::min(least.way, suffix.way);
      least.term = std::min(least.term, suffix.term);
    }
    for (int32_t device = before == 0 ? 0 : device_end - 1; device >= before; --device) {
      if (IsStopped()) return;
      for (int32_t layer = before == 0 ? 0 : layer_end - 1; layer >= before; --layer) {
        const PrefixBound rest =
            layer > 0 ? prefixes_.Of(before, layer, device) : PrefixBound{0, 0, 0, 0};
        if (rest.way + rest.lateness + least.way > known_) continue;
        if (q_.is_hopeless(layer, layer_end, device, device_end, after)) break;
        const PipelineStage stage = q_.stage(layer, layer_end, device, device_end);
        const double time = (stage.forward + stage.backward).value;
        if (q_.micro_batches * time > known_) break;
        const double way = rest.way + time;
        if (way + std::max(rest.lateness + least.way, least.term) > known_) continue;
        if (!q_.is_legal(layer, layer_end, device, device_end, after)) continue;
        Put({layer, layer_end, device, device_end, after, stage, -1}, suffixes);
      }
      if (before == 0) return;
    }
  }

  bool IsStopped() {
    is_stopped_ = is_stopped_ || (q_.stop && q_.stop());
    return is_stopped_;
  }

  // A stage being put in front; its all-reduce is worked out when it is needed.
  struct Stage {
    int32_t layer, layer_end, device, device_end, after;
    PipelineStage times;
    double sync;
  };

  void Put(Stage stage, const std::vector<Label>& suffixes) {
    if (stage.after == 0) return Offer(stage, 0, Label{}, -1);
    double send = 0;
    int32_t send_end = -1;
    for (size_t l = 0; l < suffixes.size(); ++l) {
      if (suffixes[l].first_end != send_end) {
        send_end = suffixes[l].first_end;
        send = q_.send(stage.layer_end, stage.device, stage.device_end, send_end).value;
      }
      Offer(stage, send, suffixes[l], static_cast<int32_t>(l));
    }
  }

  void Offer(Stage& stage, double send, const Label& suffix, int32_t index) {
    Label label =
        Prepend(stage.times, send, stage.after, stage.device_end, suffix, stage.layer_end, index);
    if (LeastLength(label, stage.after, stage.layer, stage.device) > known_) return;
    if (stage.sync < 0) {
      stage.sync =
          q_.gradient_sync(stage.layer, stage.layer_end, stage.device, stage.device_end).value;
    }
    const double tail = stage.sync + stage.times.update.value;
    label.journey = std::max(label.way + tail, label.journey);
    label.end = std::max(label.term + tail, label.end);
    Keep(stage.layer, stage.device, stage.after, label);
  }

  // All but what its own all-reduce and update make later.
  Label Prepend(const PipelineStage& stage, double send, int32_t after, int32_t device_end,
                const Label& suffix, int32_t layer_end, int32_t label) const {
    const double f = stage.forward.value, b = stage.backward.value, m = q_.micro_batches;
    const double way_after = 2 * send + suffix.way;
    const double held = std::min<double>(m, after + 1);
    const double wait_first = std::max(0.0, way_after - (held - 1) * f);
    const double wait_last = std::max(0.0, way_after - (held - 1) * b);
    const double wait = m <= held ? std::max(wait_first, wait_last) : wait_first + wait_last;
    Label made;
    made.way = f + b + way_after;
    made.term =
        std::max({m * (f + b) + wait, f + b + 2 * send + suffix.term, made.way + (m - 1) * send});
    made.first_end = device_end;
    made.layer = layer_end;
    made.label = label;
    made.is_merged = suffix.is_merged;
    if (after == 0) return made;
    const double forwards = m * f + (m > held ? (m - held) * b + wait_first : 0);
    made.journey = f + send + suffix.journey;
    made.end = std::max(f + send + suffix.end,
                        std::max(forwards, f + (m - 1) * send) + send + suffix.journey);
    return made;
  }

  // The least length that a label at a state can come to. What the stages before it come to at
  // least adds up with the suffix, each form of Prepend on its own.
  double LeastLength(const Label& label, int32_t after, int32_t layer, int32_t device) const {
    if (layer == 0) return std::max(label.term, label.end);
    const double m = q_.micro_batches;
    const PrefixBound& before = prefixes_.Of(q_.stages - 1 - after, layer, device);
    const double send = q_.least_send(layer, device, label.first_end).value;
    const double way = label.way + before.way + 2 * send;
    // A stage that holds fewer than all waits for the first and for the last.
    const double waits =
        m > q_.stages ? (m - q_.stages + 1) * before.slowest + 2 * (label.way + 2 * send) : 0;
    return std::max({way + before.lateness, way + (m - 1) * send,
                     label.term + before.way + 2 * send, label.end + before.there + send,
                     m * before.slowest, waits});
  }

  void Keep(int32_t layer, int32_t device, int32_t after, Label label) {
    if (layer == 0 && label.end > known_) return;
    if (layer > 0) {
      label.least_send = q_.least_send(layer, device, label.first_end).value;
      label.most_send = q_.most_send(layer, device, label.first_end).value;
    }
    auto& labels = At(after, layer, device);
    for (const Label& other : labels) {
      if (other.Covers(label, q_.micro_batches) && (label.is_merged || !other.is_merged)) return;
    }
    std::erase_if(labels, [&](const Label& other) {
      return label.Covers(other, q_.micro_batches) && (!label.is_merged || other.is_merged);
    });
    // Equal ends stay together, so that transfers are worked out once for each.
    const auto place = std::find_if(labels.begin(), labels.end(), [&](const Label& other) {
      return other.first_end >= label.first_end;
    });
    labels.insert(place, label);
    if (width_ > 0 && labels.size() > width_) {
      ForgetWorst(labels, after, layer, device);
    } else if (labels.size() > kMaxLabels) {
      MergeWorst(labels, after, layer, device);
    }
  }

  void ForgetWorst(std::vector<Label>& labels, int32_t after, int32_t layer, int32_t device) const {
    const auto longer = [&](const Label& a, const Label& b) {
      return LeastLength(a, after, layer, device) < LeastLength(b, after, layer, device);
    };
    labels.erase(std::max_element(labels.begin(), labels.end(), longer));
  }

  // Replaces the two least promising labels with the same end by one that is no worse than either.
  void MergeWorst(std::vector<Label>& labels, int32_t after, int32_t layer, int32_t device) const {
    size_t worst = 0, twin = 0;
    double worst_length = -1;
    for (size_t l = 0; l + 1 < labels.size(); ++l) {
      if (labels[l].first_end != labels[l + 1].first_end) continue;
      const double length = std::min(LeastLength(labels[l], after, layer, device),
                                     LeastLength(labels[l + 1], after, layer, device));
      if (length > worst_length) worst_length = length, worst = l, twin = l + 1;
    }
    if (twin == 0) return;
    Label& merged = labels[std::min(worst, twin)];
    const Label& other = labels[std::max(worst, twin)];
    merged.way = std::min(merged.way, other.way);
    merged.term = std::min(merged.term, other.term);
    merged.end = std::min(merged.end, other.end);
    merged.journey = std::min(merged.journey, other.journey);
    merged.is_merged = true;
    merged.label = -1;
    labels.erase(labels.begin() + std::max(worst, twin));
  }

  CutAnswer Answer() {
    CutAnswer answer;
    double bound = kInfinity, best = kInfinity;
    for (const auto& level : levels_) {
      for (const auto& labels : level) answer.labels += labels.size();
    }
    for (const Label& label : At(q_.stages - 1, 0, 0)) {
      bound = std::min(bound, label.end);
      if (label.is_merged) continue;
      const auto [layers, devices] = Trace(label);
      const double length = TrueLength(layers, devices);
      if (length >= best) continue;
      best = length;
      answer.is_found = true;
      answer.layer_ends = layers;
      answer.device_ends = devices;
      answer.length = {length};
    }
    answer.lower_bound = {std::min({bound, best, known_})};
    if (answer.lower_bound.value == kInfinity) answer.lower_bound = {0};
    return answer;
  }

  std::pair<std::vector<int32_t>, std::vector<int32_t>> Trace(const Label& last) {
    std::vector<int32_t> layers, devices;
    const Label* label = &last;
    for (int32_t after = q_.stages - 1; after >= 0; --after) {
      layers.push_back(label->layer);
      devices.push_back(label->first_end);
      if (after > 0) label = &At(after - 1, label->layer, label->first_end)[label->label];
    }
    return {layers, devices};
  }

  double TrueLength(const std::vector<int32_t>& layers, const std::vector<int32_t>& devices) const {
    std::vector<PipelineStage> stages;
    for (int32_t s = 0; s < q_.stages; ++s) {
      const int32_t layer = s > 0 ? layers[s - 1] : 0, device = s > 0 ? devices[s - 1] : 0;
      PipelineStage stage = q_.stage(layer, layers[s], device, devices[s]);
      stage.gradient_sync = q_.gradient_sync(layer, layers[s], device, devices[s]);
      if (s + 1 < q_.stages)
        stage.send = stage.send_back = q_.send(layers[s], device, devices[s], devices[s + 1]);
      stages.push_back(stage);
    }
    return PipelineLength(stages, q_.micro_batches).value;
  }

  const CutQuestion& q_;
  const double known_;
  const size_t width_;
  const PrefixBounds prefixes_;
  bool is_stopped_ = false;
  std::vector<std::vector<std::vector<Label>>> levels_;  // by stages after, then by state
};

}  // namespace

CutAnswer BestCuts(const CutQuestion& question, Seconds known) {
  return CutSearch(question, known, 0).Run();
}

CutAnswer BeamCuts(const CutQuestion& question, size_t width, Seconds known) {
  return CutSearch(question, known, width).Run();
}

}  // namespace automap

#include "planner/oracle/best_cuts.h"

#include <algorithm>
#include <limits>

#include "absl/types/span.h"
#include "base/most.h"
#include "planner/oracle/cut_labels.h"
#include "planner/oracle/prefix_bounds.h"
#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

// Of all states together about so many labels are kept over the number of stages, of each a few in
// any case.
constexpr size_t kManyLabels = 60'000'000, kFewLabels = 12;
// Of so many labels a state those are worth keeping that differ in what their first stage does
// alone.
constexpr size_t kManyFigures = 64;
constexpr size_t kTogether = 16;  // labels that are looked at by their least figures first
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr PrefixBound kNothing = {0, 0, 0, 0, 0, 0};  // before the first stage

// What is kept: the labels that no other covers; of those `width` of a state; or all, up to so
// many.
struct Keeping {
  size_t width = 0;  // 0: max_labels_
  std::optional<int64_t> all = std::nullopt;
};

class CutSearch {
 public:
  CutSearch(const CutQuestion& question, Seconds known, const Keeping& keeping)
      : q_(question),
        known_(known.value > 0 ? known.value * (1 + 1e-12) : kInfinity),
        keeping_(keeping),
        formulas_(question.stages, question.micro_batches),
        max_labels_(
            std::min(question.most_labels,
                     std::max(kManyLabels / question.stages / StatesOf(question), kFewLabels))),
        prefixes_(question, Seconds{known_}) {}

  CutAnswer Best() {
    Run();
    return is_stopped_ ? CutAnswer{.is_complete = false} : Answer();
  }

  std::optional<std::vector<StageEnds>> All() {
    Run();
    if (is_stopped_) return std::nullopt;
    std::vector<StageEnds> all;
    for (const CutLabel& label : At(q_.stages - 1, 0, 0)) {
      StageEnds ends = Trace(label);
      if (TrueLength(ends) <= known_) all.push_back(std::move(ends));
    }
    return all;
  }

 private:
  void Run() {
    levels_.resize(q_.stages);
    for (int32_t after = 0; after < q_.stages && !is_stopped_; ++after) {
      levels_[after].resize(static_cast<size_t>(q_.layers + 1) * (q_.devices + 1));
      if (after == 0) {
        Extend(q_.layers, q_.devices, 0, CutLabels());
        continue;
      }
      for (int32_t layer = q_.stages - after; layer < q_.layers; ++layer) {
        for (int32_t device = q_.stages - after; device < q_.devices; ++device) {
          CutLabels& labels = At(after - 1, layer, device);
          labels.Finish();
          if (!labels.empty()) Extend(layer, device, after, labels);
        }
      }
    }
  }

  static size_t StatesOf(const CutQuestion& question) {
    return static_cast<size_t>(question.stages) * question.layers * question.devices;
  }

  CutLabels& At(int32_t after, int32_t layer, int32_t device) {
    return levels_[after][static_cast<size_t>(layer) * (q_.devices + 1) + device];
  }

  // Labels at their least, the transfer into them included.
  struct Behind {
    double way = 0, term = 0, end = 0, journey = 0;

    static Behind Of(const CutLabel& label, double send, double m) {
      return {label.way + 2 * send, std::max(label.term + 2 * send, label.way + (m + 1) * send),
              label.end + send, label.journey + send};
    }

    // Whether nothing with that stage in front, which holds `held` of the m micro-batches, `send`
    // before it, and `rest` before that is shorter.
    bool IsLonger(const PrefixBound& rest, const PipelineStage& stage, double tail, double m,
                  double held, double send, double known) const {
      const double f = stage.forward.value, b = stage.backward.value, both = f + b;
      const double there = rest.there + send, before = rest.way + 2 * send + both;
      const double more = before - rest.way;
      return Most(before + rest.lateness + way, more + rest.late + way, more + rest.end + term,
                  there + both + term + tail, there + f + end, there + m * f + journey,
                  rest.end + 2 * send + LeastOfStage(f, b, way, held, m)) > known;
    }
  };

  // A few neighbours among the labels of a state whose first stages end on the same device, and the
  // least of their figures. Of the stages in front that begin on one device: the transfer to them.
  struct Suffixes {
    absl::Span<const CutLabel> labels;
    size_t begin = 0;
    CutLabel least;
    double send = 0;
    Behind behind = {};
  };

  static std::vector<Suffixes> GroupsOf(absl::Span<const CutLabel> labels) {
    std::vector<Suffixes> groups;
    for (size_t begin = 0, end = 0; begin < labels.size(); begin = end) {
      CutLabel least = labels[begin];
      const size_t most = std::min(labels.size(), begin + kTogether);
      for (end = begin; end < most && labels[end].first_end == least.first_end; ++end)
        least.TakeLeast(labels[end]);
      groups.push_back({labels.subspan(begin, end - begin), begin, least});
    }
    return groups;
  }

  Behind BehindOf(int32_t layer_end, int32_t device_end,
                  const std::vector<Suffixes>& groups) const {
    if (groups.empty()) return {};
    Behind least = {kInfinity, kInfinity, kInfinity, kInfinity};
    for (const Suffixes& suffixes : groups) {
      const double send = q_.least_send(layer_end, device_end, suffixes.least.first_end).value;
      const Behind group = Behind::Of(suffixes.least, send, q_.micro_batches);
      least.way = std::min(least.way, group.way);
      least.term = std::min(least.term, group.term);
      least.end = std::min(least.end, group.end);
      least.journey = std::min(least.journey, group.journey);
    }
    return least;
  }

  // All stages that end at (layer_end, device_end) with `after` stages behind them.
  void Extend(int32_t layer_end, int32_t device_end, int32_t after, const CutLabels& suffixes) {
    const int32_t before = q_.stages - 1 - after;
    const double m = q_.micro_batches, held = std::min(q_.micro_batches, after + 1);
    std::vector<Suffixes> groups = GroupsOf(suffixes);
    const Behind behind = BehindOf(layer_end, device_end, groups);
    for (int32_t device = before == 0 ? 0 : device_end - 1; device >= before; --device) {
      if (IsStopped()) return;
      const Seconds tails = q_.least_tail(layer_end, device, device_end);
      bool knows_sends = false;
      for (int32_t layer = before == 0 ? 0 : layer_end - 1; layer >= before; --layer) {
        const PrefixBound& rest = layer > 0 ? prefixes_.Of(before, layer, device) : kNothing;
        if (rest.way + rest.lateness + behind.way > known_) continue;
        if (rest.late + behind.way > known_ || rest.end + behind.term > known_) continue;
        if (q_.is_hopeless(layer, layer_end, device, device_end, after)) break;
        const PipelineStage stage = q_.stage(layer, layer_end, device, device_end);
        const double time = (stage.forward + stage.backward).value;
        if (m * time > known_) break;
        if (behind.IsLonger(rest, stage, 0, m, held, 0, known_)) continue;
        const double tail = (tails - q_.least_tail(layer, device, device_end)).value;
        const double send = layer > 0 ? q_.least_send(layer, device, device_end).value : 0;
        if (behind.IsLonger(rest, stage, tail, m, held, send, known_)) continue;
        if (!q_.is_legal(layer, layer_end, device, device_end, after)) continue;
        if (IsStopped()) return;
        if (!knows_sends) FindSends(layer_end, device, device_end, groups);
        knows_sends = true;
        Put({layer, layer_end, device, device_end, after, stage, tail, -1,
             FrontOf(after, layer, device, device_end)},
            groups);
      }
      if (before == 0) return;
    }
  }

  // From stages that begin on that device.
  void FindSends(int32_t layer_end, int32_t device, int32_t device_end,
                 std::vector<Suffixes>& groups) const {
    for (Suffixes& group : groups) {
      group.send = q_.send(layer_end, device, device_end, group.least.first_end).value;
      group.behind = Behind::Of(group.least, group.send, q_.micro_batches);
    }
  }

  bool IsStopped() {
    is_stopped_ = is_stopped_ || (q_.stop && q_.stop());
    return is_stopped_;
  }

  // The first stage, on all layers and devices before a state.
  struct First {
    bool is_known = false, is_legal = false;
    PipelineStage times = {};
  };

  const First& FirstAt(int32_t layer, int32_t device) {
    if (firsts_.empty()) firsts_.resize(static_cast<size_t>(q_.layers + 1) * (q_.devices + 1));
    First& first = firsts_[static_cast<size_t>(layer) * (q_.devices + 1) + device];
    if (first.is_known) return first;
    first = {true, q_.is_legal(0, layer, 0, device, q_.stages - 1), {}};
    if (!first.is_legal) return first;
    first.times = q_.stage(0, layer, 0, device);
    first.times.gradient_sync = q_.gradient_sync(0, layer, 0, device);
    return first;
  }

  // What is in front of a state: nothing, the first stage alone, or stages that are known by what
  // they come to at least. `send` is the transfer into it, of several stages the least.
  struct Front {
    const PrefixBound* least = nullptr;
    const First* first = nullptr;
    double send = 0;
  };

  Front FrontOf(int32_t after, int32_t layer, int32_t device, int32_t first_end) {
    const int32_t before = q_.stages - 1 - after;
    if (before == 0) return {};
    Front front = {&prefixes_.Of(before, layer, device), nullptr, 0};
    if (before == 1) front.first = &FirstAt(layer, device);
    front.send = before == 1 ? q_.send(layer, 0, device, first_end).value
                             : q_.least_send(layer, device, first_end).value;
    return front;
  }

  // A stage being put in front; its all-reduce is worked out when it is needed.
  struct Stage {
    int32_t layer, layer_end, device, device_end, after;
    PipelineStage times;
    double least_tail;
    double sync;
    Front front;
  };

  void Put(Stage stage, const std::vector<Suffixes>& groups) {
    if (stage.front.first != nullptr && !stage.front.first->is_legal) return;
    if (stage.after == 0) return Offer(stage, 0, CutLabel{}, -1);
    const double m = q_.micro_batches, held = std::min(q_.micro_batches, stage.after + 1);
    const PrefixBound& before = stage.front.least != nullptr ? *stage.front.least : kNothing;
    for (const Suffixes& group : groups) {
      if (group.behind.IsLonger(before, stage.times, stage.least_tail, m, held, stage.front.send,
                                known_))
        continue;
      if (InFront(stage, group.send, group.least, -1).least_length > known_) continue;
      for (size_t l = 0; l < group.labels.size(); ++l)
        Offer(stage, group.send, group.labels[l], static_cast<int32_t>(group.begin + l));
    }
  }

  // With its all-reduce, where that is known.
  CutLabel InFront(const Stage& stage, double send, const CutLabel& suffix, int32_t index) const {
    CutLabel label =
        Prepend(stage.times, send, stage.after, stage.device_end, suffix, stage.layer_end, index);
    if (stage.sync >= 0) {
      const double tail = stage.sync + stage.times.update.value;
      label.journey = std::max(label.way + tail, label.journey);
      label.end = std::max(label.term + tail, label.end);
    }
    label.least_length = LeastLength(label, stage.after, stage.layer, stage.front);
    return label;
  }

  void Offer(Stage& stage, double send, const CutLabel& suffix, int32_t index) {
    if (stage.sync < 0) {
      stage.sync =
          q_.gradient_sync(stage.layer, stage.layer_end, stage.device, stage.device_end).value;
    }
    const CutLabel label = InFront(stage, send, suffix, index);
    if (label.least_length <= known_) Keep(stage.layer, stage.device, stage.after, label);
  }

  CutLabel Prepend(const PipelineStage& stage, double send, int32_t after, int32_t device_end,
                   const CutLabel& suffix, int32_t layer_end, int32_t index) const {
    CutLabel made = {formulas_.InFront(stage, send, after, suffix)};
    if (max_labels_ < kManyFigures) made.forward = made.backward = 0;
    made.first_end = device_end;
    made.layer = layer_end;
    made.label = index;
    made.is_merged = suffix.is_merged;
    return made;
  }

  // The least length that a label at a state can come to. Of the first stage all is known.
  double LeastLength(const CutLabel& label, int32_t after, int32_t layer,
                     const Front& front) const {
    if (layer == 0) return std::max(label.term, label.end);
    const double least = formulas_.LeastLength(label, front.send, after, *front.least);
    if (front.first == nullptr || least > known_) return least;
    const PipelineStage& first = front.first->times;
    const CutFigures whole = formulas_.InFront(first, front.send, after + 1, label);
    const double tail = (first.gradient_sync + first.update).value;
    return std::max(whole.term + tail, whole.end);
  }

  void Keep(int32_t layer, int32_t device, int32_t after, CutLabel label) {
    if (layer > 0) {
      label.least_send = q_.least_send(layer, device, label.first_end).value;
      label.most_send = q_.most_send(layer, device, label.first_end).value;
    }
    CutLabels& labels = At(after, layer, device);
    if (keeping_.all) {
      labels.Append(label);
      is_stopped_ = is_stopped_ || ++kept_ > *keeping_.all;
      return;
    }
    if (!labels.Add(label, q_.micro_batches)) return;
    if (keeping_.width > 0) {
      if (labels.size() > keeping_.width) labels.ForgetWorst();
    } else if (labels.size() > max_labels_) {
      labels.Merge(max_labels_ / 2, [&](const CutLabel& merged) {
        return LeastLength(merged, after, layer, FrontOf(after, layer, device, merged.first_end));
      });
    }
  }

  CutAnswer Answer() {
    CutAnswer answer;
    double bound = kInfinity, best = kInfinity;
    for (const auto& level : levels_) {
      for (const auto& labels : level) answer.labels += labels.size();
    }
    for (const CutLabel& label : At(q_.stages - 1, 0, 0)) {
      bound = std::min(bound, label.end);
      if (label.is_merged) continue;
      StageEnds ends = Trace(label);
      const double length = TrueLength(ends);
      if (length >= best) continue;
      best = length;
      answer.is_found = true;
      answer.ends = std::move(ends);
      answer.length = {length};
    }
    answer.lower_bound = {std::min({bound, best, known_})};
    if (answer.lower_bound.value == kInfinity) answer.lower_bound = {0};
    return answer;
  }

  StageEnds Trace(const CutLabel& last) {
    StageEnds ends;
    const CutLabel* label = &last;
    for (int32_t after = q_.stages - 1; after >= 0; --after) {
      ends.layers.push_back(label->layer);
      ends.devices.push_back(label->first_end);
      if (after > 0) label = &At(after - 1, label->layer, label->first_end)[label->label];
    }
    return ends;
  }

  double TrueLength(const StageEnds& ends) const {
    const auto& [layers, devices] = ends;
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
  const Keeping keeping_;
  const CutFormulas formulas_;
  const size_t max_labels_;
  const PrefixBounds prefixes_;
  bool is_stopped_ = false;
  int64_t kept_ = 0;                            // labels, where all are
  std::vector<std::vector<CutLabels>> levels_;  // by stages after, then by state
  std::vector<First> firsts_;                   // by state
};

}  // namespace

CutAnswer BestCuts(const CutQuestion& question, Seconds known) {
  return CutSearch(question, known, {}).Best();
}

CutAnswer BeamCuts(const CutQuestion& question, size_t width, Seconds known) {
  return CutSearch(question, known, {.width = width}).Best();
}

std::optional<std::vector<StageEnds>> CutsWithin(const CutQuestion& question, Seconds than,
                                                 int64_t most_labels) {
  return CutSearch(question, than, {.all = most_labels}).All();
}

}  // namespace automap

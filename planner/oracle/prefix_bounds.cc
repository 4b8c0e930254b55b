#include "planner/oracle/prefix_bounds.h"

#include <algorithm>
#include <limits>

namespace automap {
namespace {

constexpr float kNone = std::numeric_limits<float>::infinity();
constexpr PrefixBound kNoWay = {kNone, kNone, kNone, kNone, kNone, kNone};
constexpr double kRoundedDown = 1 - 1e-6;  // sums in other orders, and in fewer digits

float Down(double seconds) { return static_cast<float>(seconds * kRoundedDown); }

// The least of a window over values that come one by one.
class WindowLeast {
 public:
  explicit WindowLeast(int32_t most) : kept_(most) {}  // values in all

  void Add(int32_t index, double value) {
    while (end_ > begin_ && kept_[end_ - 1].value >= value) --end_;
    kept_[end_++] = {index, value};
  }
  void ForgetBefore(int32_t index) {
    while (begin_ < end_ && kept_[begin_].index < index) ++begin_;
  }
  double least() const {
    return begin_ < end_ ? kept_[begin_].value : std::numeric_limits<double>::infinity();
  }

 private:
  struct Entry {
    int32_t index = 0;
    double value = 0;
  };
  std::vector<Entry> kept_;
  size_t begin_ = 0, end_ = 0;
};

// The longer of the last stage, which falls with each layer before it, and of what is before it,
// which grows, is least where the two meet; there or later for the next `end`.
template <typename Own>
double LeastOfLonger(const PrefixBound* before, float PrefixBound::*figure, const Own& own,
                     int32_t end, int32_t& cut) {
  while (cut < end && before[cut].*figure < own(cut, end)) ++cut;
  const double least = before[cut].*figure;
  return cut > 0 ? std::min(least, own(cut - 1, end)) : least;
}

}  // namespace

// A stage's devices, its times as sums over the layers before each, and transfers into it by what
// is sent.
struct PrefixBounds::Group {
  int32_t device, device_end;
  std::vector<double> forward = {0}, backward = {0}, both = {0}, busy = {0}, tail = {0}, send = {0};
};

PrefixBounds::PrefixBounds(const CutQuestion& question, Seconds longest)
    : q_(question), layers_(question.layers), longest_(longest.value / kRoundedDown) {
  tables_.resize(std::max(0, q_.stages - 1));
  for (auto& table : tables_)
    table.assign(static_cast<size_t>(q_.devices + 1) * (layers_ + 1), kNoWay);
  if (tables_.empty()) return;
  for (int32_t device_end = 1; device_end < q_.devices; ++device_end) {
    PutFirst(GroupOf(0, device_end));
    const int32_t most = std::min(q_.stages, device_end + 1);
    for (int32_t device = 1; device < device_end && most > 2; ++device) {
      if (q_.stop && q_.stop()) return;
      const Group group = GroupOf(device, device_end);
      for (int32_t stages = 2; stages < most; ++stages) PutLast(group, stages);
    }
    Settle(device_end);
  }
}

PrefixBounds::Group PrefixBounds::GroupOf(int32_t device, int32_t device_end) const {
  Group group = {device, device_end};
  for (int32_t layer = 1; layer <= layers_; ++layer) {
    const PipelineStage stage = q_.stage(0, layer, device, device_end);
    group.forward.push_back(stage.forward.value);
    group.backward.push_back(stage.backward.value);
    group.both.push_back((stage.forward + stage.backward).value);
    group.tail.push_back(q_.least_tail(layer, device, device_end).value);
    group.busy.push_back(q_.micro_batches * group.both.back() + group.tail.back());
    group.send.push_back(device > 0 ? q_.least_send(layer, device, device_end).value : 0);
  }
  return group;
}

// Of the last of so many stages.
double PrefixBounds::Lateness(double forward, double backward, int32_t stages) const {
  const double held = std::min(q_.micro_batches, q_.stages - stages + 1);
  return (q_.micro_batches - 1) * (forward + backward) - (held - 1) * std::min(forward, backward);
}

void PrefixBounds::PutFirst(const Group& group) {
  PrefixBound* const row = Row(1, group.device_end);
  for (int32_t layer = 1; layer <= layers_ && group.busy[layer] <= longest_; ++layer) {
    const double f = group.forward[layer], b = group.backward[layer], tail = group.tail[layer];
    const double lateness = Lateness(f, b, 1);
    row[layer] = {Down(f),        Down(f + b),        Down(f + b),
                  Down(lateness), Down(f + b + tail), Down(f + b + lateness + tail)};
  }
}

// What the windows of PutLast hold, of each cut before the last stage: the figures before it, and
// of the stage what depends on the cut.
struct PrefixBounds::Windows {
  WindowLeast there, way, end_before, end_own, late_before, late_own;

  explicit Windows(int32_t layers)
      : there(layers),
        way(layers),
        end_before(layers),
        end_own(layers),
        late_before(layers),
        late_own(layers) {}

  void Add(int32_t cut, const PrefixBound& before, const Group& group, double times) {
    const double both = group.both[cut], send = group.send[cut];
    there.Add(cut, before.there + send - group.forward[cut]);
    way.Add(cut, before.way + 2 * send - both);
    end_before.Add(cut, before.end + 2 * send - both);
    end_own.Add(cut, before.there + send - both - group.tail[cut]);
    late_before.Add(cut, before.late + 2 * send - both);
    late_own.Add(cut, before.way + 2 * send - times * both);
  }
  void ForgetBefore(int32_t cut) {
    for (WindowLeast* window : {&there, &way, &end_before, &end_own, &late_before, &late_own})
      window->ForgetBefore(cut);
  }
};

// All cuts before the last of so many stages.
void PrefixBounds::PutLast(const Group& group, int32_t stages) {
  const PrefixBound* const before = Row(stages - 1, group.device);
  PrefixBound* const row = Row(stages, group.device_end);
  const auto time = [&](int32_t cut, int32_t end) { return group.both[end] - group.both[cut]; };
  const auto lateness = [&](int32_t cut, int32_t end) {
    return Lateness(group.forward[end] - group.forward[cut],
                    group.backward[end] - group.backward[cut], stages);
  };
  // Forward, backward and lateness of a stage are together at least so many times the first two.
  const double held = std::min(q_.micro_batches, q_.stages - stages + 1);
  const double times = q_.micro_batches - (held - 1) / 2;
  Windows windows(layers_);
  int32_t first = 0, slow = 0, late = 0;
  for (int32_t end = 2; end <= layers_; ++end) {
    windows.Add(end - 1, before[end - 1], group, times);
    while (group.busy[end] - group.busy[first] > longest_) ++first;
    windows.ForgetBefore(first);
    if (windows.way.least() == kNone) continue;
    const auto lower = [](float& figure, double least) { figure = std::min(figure, Down(least)); };
    const double all = group.both[end];
    PrefixBound& bound = row[end];
    lower(bound.there, windows.there.least() + group.forward[end]);
    lower(bound.way, windows.way.least() + all);
    lower(bound.slowest, LeastOfLonger(before, &PrefixBound::slowest, time, end, slow));
    lower(bound.lateness, LeastOfLonger(before, &PrefixBound::lateness, lateness, end, late));
    lower(bound.end, std::max(windows.end_before.least() + all,
                              windows.end_own.least() + all + group.tail[end]));
    lower(bound.late,
          std::max(windows.late_before.least() + all, windows.late_own.least() + times * all));
  }
}

// Of more layers neither the slowest stage nor the lateness is less.
void PrefixBounds::Settle(int32_t devices) {
  for (int32_t stages = 1; stages < q_.stages; ++stages) {
    PrefixBound* const row = Row(stages, devices);
    for (int32_t layer = layers_ - 1; layer >= 0; --layer) {
      row[layer].slowest = std::min(row[layer].slowest, row[layer + 1].slowest);
      row[layer].lateness = std::min(row[layer].lateness, row[layer + 1].lateness);
    }
  }
}

}  // namespace automap

#include "planner/explore/pipeline/dapple_objective.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace automap {
namespace {

constexpr double kInside = 25e9, kPointToPoint = 1e9, kAcross = 3e9;  // bytes per second
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What transfers and all-reduces can tell of a set of devices: how many of each server.
using Counts = std::vector<int32_t>;

int32_t SizeOf(const Counts& counts) {
  int32_t size = 0;
  for (const int32_t count : counts) size += count;
  return size;
}
int32_t ServersOf(const Counts& counts) {
  return static_cast<int32_t>(
      std::count_if(counts.begin(), counts.end(), [](int32_t count) { return count > 0; }));
}
// How many devices of `from` are in the only server of `to`.
int32_t BesideOf(const Counts& from, const Counts& to) {
  return from[std::find_if(to.begin(), to.end(), [](int32_t count) { return count > 0; }) -
              to.begin()];
}

// The same of consecutive devices, without counting: searches ask for millions.
struct Span {
  int32_t begin = 0, end = 0, per_server = 1;
};

int32_t SizeOf(const Span& span) { return span.end - span.begin; }
int32_t ServersOf(const Span& span) {
  return (span.end - 1) / span.per_server - span.begin / span.per_server + 1;
}
int32_t BesideOf(const Span& from, const Span& to) {
  const int32_t first = to.begin / to.per_server * to.per_server;
  return std::max(0, std::min(from.end, first + to.per_server) - std::max(from.begin, first));
}

// Prefix sums and the two exchange rules.
class Scorer {
 public:
  explicit Scorer(const DappleQuestion& question) : q_(question), compute_{0}, parameters_{0} {
    for (const DappleState& state : q_.states) {
      compute_.push_back(compute_.back() + state.compute_s);
      parameters_.push_back(parameters_.back() + state.parameter_bytes);
    }
  }

  template <typename Set>
  static double Transfer(const Set& from, const Set& to, double bytes) {
    if (ServersOf(to) > 1) return bytes / kAcross;
    const double outside = 1 - static_cast<double>(BesideOf(from, to)) / SizeOf(from);
    return outside > 0 ? bytes * outside / kPointToPoint : bytes / kInside;
  }

  template <typename Set>
  static double AllReduce(const Set& group, double bytes) {
    const int32_t size = SizeOf(group);
    if (size < 2) return 0;
    const double volume = 2.0 * (size - 1) / size * bytes;
    return ServersOf(group) > 1 ? volume / kAcross : volume / kInside / (size / 2);
  }

  double Compute(int32_t begin, int32_t end) const { return compute_[end] - compute_[begin]; }
  double Parameters(int32_t begin, int32_t end) const {
    return parameters_[end] - parameters_[begin];
  }
  double Output(int32_t end) const { return q_.states[end - 1].output_bytes; }

  // T of stages that end at `ends` on device sets.
  template <typename Set>
  double Time(const std::vector<int32_t>& ends, const std::vector<Set>& sets) const {
    const size_t count = ends.size();
    const double m = q_.micro_batches;
    const double doubled = count == 2 && q_.outer_replicas == 1 ? 1 : 2;
    double slowest = 0, transfers = 0;
    for (size_t s = 0; s < count; ++s) {
      slowest = std::max(slowest, Compute(s > 0 ? ends[s - 1] : 0, ends[s]) / SizeOf(sets[s]));
      if (s + 1 == count) continue;
      const double once = Transfer(sets[s], sets[s + 1], Output(ends[s]));
      slowest = std::max(slowest, doubled * once);
      transfers += once;
    }
    const double block = slowest / m;
    double hidden = 0;
    for (size_t s = 0; s < count; ++s) {
      const int32_t last = s + 1 < count ? ends[s] + 1 : ends[s];
      const double all_reduce = AllReduce(sets[s], Parameters(s > 0 ? ends[s - 1] : 0, last));
      hidden = std::max(hidden, all_reduce - s * block);
    }
    const double rest = q_.outer_replicas * m;
    return block * (m - 1) + (compute_.back() + transfers) / rest + hidden;
  }

  // The form with a pivot.
  template <typename Set>
  double PivotTime(const std::vector<int32_t>& ends, const std::vector<Set>& sets) const {
    const double m = q_.micro_batches;
    std::vector<double> half, all_reduce;  // stages and transfers in turn
    for (size_t s = 0; s < ends.size(); ++s) {
      const int32_t begin = s > 0 ? ends[s - 1] : 0;
      half.push_back(Compute(begin, ends[s]) / (2 * SizeOf(sets[s]) * m));
      all_reduce.push_back(AllReduce(sets[s], Parameters(begin, ends[s])));
      if (s + 1 == ends.size()) continue;
      half.push_back(Transfer(sets[s], sets[s + 1], Output(ends[s]) / m));
      all_reduce.push_back(0);
    }
    std::vector<double> until = {0};
    for (const double time : half) until.push_back(until.back() + time);
    size_t pivot = half.size() - 1;
    for (size_t s = half.size() - 1; s-- > 0;) {
      const double between = until[pivot] - until[s + 1];
      if (2 * (m - 1) * half[s] > 2 * (m - 1) * half[pivot] + 2 * between) pivot = s;
    }
    double ending = 0;
    for (size_t s = 0; s < half.size(); ++s) {
      const double way = s <= pivot ? until[pivot + 1] - until[s] : until[pivot] - until[s];
      ending = std::max(ending, all_reduce[s] + way);
    }
    return until[pivot + 1] + 2 * (m - 1) * half[pivot] + ending;
  }

  template <typename Set>
  double Of(DappleObjective objective, const std::vector<int32_t>& ends,
            const std::vector<Set>& sets) const {
    return objective == DappleObjective::kTime ? Time(ends, sets) : PivotTime(ends, sets);
  }

 private:
  const DappleQuestion& q_;
  std::vector<double> compute_, parameters_;
};

Counts CountsOf(const DappleQuestion& question, const std::vector<int32_t>& devices) {
  Counts counts(question.servers, 0);
  for (const int32_t device : devices) ++counts[device / question.devices_per_server];
  return counts;
}

Counts CountsIn(const DappleQuestion& question, const Span& span) {
  Counts counts(question.servers, 0);
  for (int32_t device = span.begin; device < span.end; ++device)
    ++counts[device / question.devices_per_server];
  return counts;
}
Counts CountsIn(const DappleQuestion&, const Counts& counts) { return counts; }

std::pair<std::vector<int32_t>, std::vector<Counts>> Parts(const DappleQuestion& question,
                                                           const DapplePlan& plan) {
  std::pair<std::vector<int32_t>, std::vector<Counts>> parts;
  for (const DappleStage& stage : plan) {
    parts.first.push_back(stage.end);
    parts.second.push_back(CountsOf(question, stage.devices));
  }
  return parts;
}

// Searches for the least T.
class Search {
 public:
  Search(const DappleQuestion& question, DappleObjective objective)
      : q_(question), scorer_(question), objective_(objective) {
    unit_ = std::max(1, q_.outer_replicas);
  }

  DapplePlan Run() {
    Offer({states()}, SetsOf({Units() * unit_}));
    TwoStages();
    for (int32_t stages = 3; stages <= Units(); ++stages) Equal(stages);
    return Materialize();
  }

 private:
  int32_t states() const { return static_cast<int32_t>(q_.states.size()); }
  int32_t Units() const { return q_.devices() / unit_; }
  bool MayCut(int32_t end) const {
    return end > 0 && end < states() && q_.states[end].may_cut_before;
  }

  // Takes what is better than the best so far.
  template <typename Set>
  void Offer(const std::vector<int32_t>& ends, const std::vector<Set>& sets) {
    const double time = scorer_.Of(objective_, ends, sets);
    if (time >= best_ * (1 - 1e-12)) return;
    best_ = time;
    ends_ = ends;
    sets_.clear();
    for (const Set& set : sets) sets_.push_back(CountsIn(q_, set));
  }

  // All ways to give the first stage some devices of each server. Servers are alike, so those in
  // ascending order are enough.
  void TwoStages() {
    Counts first(q_.servers, 0), second(q_.servers, q_.devices_per_server);
    std::vector<int32_t> ends = {0, states()};
    const std::function<void(int32_t)> choose = [&](int32_t server) {
      if (server == q_.servers) {
        const int32_t size = SizeOf(first);
        if (size == 0 || size >= Units() * unit_ || size % unit_ != 0) return;
        const std::vector<Counts> sets = {first, second};
        for (ends[0] = 1; ends[0] < states(); ++ends[0]) {
          if (MayCut(ends[0])) Offer(ends, sets);
        }
        return;
      }
      for (int32_t count = server > 0 ? first[server - 1] : 0; count <= q_.devices_per_server;
           ++count) {
        first[server] = count;
        second[server] = q_.devices_per_server - count;
        choose(server + 1);
      }
    };
    choose(0);
  }

  // `stages` stages on nearly equal consecutive ranges, cut by the dynamic programme for P.
  void Equal(int32_t stages) {
    std::vector<int32_t> device_ends;
    for (int32_t s = 1; s <= stages; ++s) device_ends.push_back(Units() * s / stages * unit_);
    std::vector<int32_t> ends = CutsForBottleneck(device_ends);
    if (!ends.empty()) Climb(ends, device_ends);
  }

  std::vector<Span> SetsOf(const std::vector<int32_t>& device_ends) const {
    std::vector<Span> sets;
    sets.reserve(device_ends.size());
    for (size_t s = 0; s < device_ends.size(); ++s)
      sets.push_back({s > 0 ? device_ends[s - 1] : 0, device_ends[s], q_.devices_per_server});
    return sets;
  }

  // The ends that make the slowest stage or transfer least; among equals those with the least sum
  // of transfers.
  std::vector<int32_t> CutsForBottleneck(const std::vector<int32_t>& device_ends) const {
    const int32_t stages = static_cast<int32_t>(device_ends.size()), n = states();
    const std::vector<Span> sets = SetsOf(device_ends);
    using Value = std::pair<double, double>;
    std::vector<std::vector<Value>> best(stages, std::vector<Value>(n + 1, {kInfinity, kInfinity}));
    std::vector<std::vector<int32_t>> from(stages, std::vector<int32_t>(n + 1, -1));
    for (int32_t end = 1; end <= n; ++end)
      best[0][end] = {scorer_.Compute(0, end) / SizeOf(sets[0]), 0};
    for (int32_t s = 1; s < stages; ++s) {
      for (int32_t end = s + 1; end <= n; ++end) {
        for (int32_t cut = s; cut < end; ++cut) {
          if (!MayCut(cut) || best[s - 1][cut].first == kInfinity) continue;
          const double send = Scorer::Transfer(sets[s - 1], sets[s], scorer_.Output(cut));
          const Value value = {std::max({best[s - 1][cut].first, 2 * send,
                                         scorer_.Compute(cut, end) / SizeOf(sets[s])}),
                               best[s - 1][cut].second + send};
          if (value < best[s][end]) best[s][end] = value, from[s][end] = cut;
        }
      }
    }
    if (best[stages - 1][n].first == kInfinity) return {};
    std::vector<int32_t> ends(stages);
    for (int32_t s = stages - 1, end = n; s >= 0; --s) ends[s] = end, end = from[s][end];
    return ends;
  }

  bool IsLegal(const std::vector<int32_t>& ends, const std::vector<int32_t>& device_ends) const {
    for (size_t s = 0; s < ends.size(); ++s) {
      if (ends[s] <= (s > 0 ? ends[s - 1] : 0)) return false;
      if (device_ends[s] <= (s > 0 ? device_ends[s - 1] : 0)) return false;
      if (s + 1 < ends.size() && !MayCut(ends[s])) return false;
    }
    return true;
  }

  void Climb(std::vector<int32_t> ends, std::vector<int32_t> device_ends) {
    double now = scorer_.Of(objective_, ends, SetsOf(device_ends));
    Offer(ends, SetsOf(device_ends));
    for (int round = 0; round < 60; ++round) {
      auto best = std::make_pair(ends, device_ends);
      const auto visit = [&](const std::vector<int32_t>& e, const std::vector<int32_t>& d) {
        if (!IsLegal(e, d)) return;
        const double time = scorer_.Of(objective_, e, SetsOf(d));
        if (time < now * (1 - 1e-12)) now = time, best = {e, d};
      };
      for (size_t s = 0; s + 1 < ends.size(); ++s) {
        for (const int32_t step : {0, -1, 1, -2, 2, -4, 4}) {
          for (const int32_t device : {0, -unit_, unit_}) {
            auto e = ends, d = device_ends;
            e[s] += step, d[s] += device;
            visit(e, d);
            if (s + 2 < ends.size()) e[s + 1] += step, visit(e, d);
          }
        }
      }
      if (best.first == ends && best.second == device_ends) break;
      std::tie(ends, device_ends) = best;
    }
    Offer(ends, SetsOf(device_ends));
  }

  // Device numbers for the counts: the lowest free ones of each server.
  DapplePlan Materialize() const {
    DapplePlan plan;
    Counts used(q_.servers, 0);
    for (size_t s = 0; s < ends_.size(); ++s) {
      DappleStage stage = {s > 0 ? ends_[s - 1] : 0, ends_[s], {}};
      for (int32_t server = 0; server < q_.servers; ++server) {
        for (int32_t i = 0; i < sets_[s][server]; ++i)
          stage.devices.push_back(server * q_.devices_per_server + used[server]++);
      }
      plan.push_back(std::move(stage));
    }
    return plan;
  }

  const DappleQuestion& q_;
  const Scorer scorer_;
  const DappleObjective objective_;
  int32_t unit_ = 1;
  double best_ = kInfinity;
  std::vector<int32_t> ends_;
  std::vector<Counts> sets_;
};

}  // namespace

double DappleTime(const DappleQuestion& question, const DapplePlan& plan) {
  const auto [ends, sets] = Parts(question, plan);
  return Scorer(question).Time(ends, sets);
}

double DapplePivotTime(const DappleQuestion& question, const DapplePlan& plan) {
  const auto [ends, sets] = Parts(question, plan);
  return Scorer(question).PivotTime(ends, sets);
}

double DappleDataParallelTime(const DappleQuestion& question) {
  const Scorer scorer(question);
  const int32_t states = static_cast<int32_t>(question.states.size());
  return scorer.Compute(0, states) / question.devices() +
         Scorer::AllReduce(Counts(question.servers, question.devices_per_server),
                           scorer.Parameters(0, states));
}

DapplePlan BestDapplePlan(const DappleQuestion& question, DappleObjective objective) {
  return Search(question, objective).Run();
}

}  // namespace automap

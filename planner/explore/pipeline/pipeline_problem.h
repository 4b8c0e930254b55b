// Cutting a chain of layers into pipeline stages on a line of devices, as a problem: which cuts are
// legal, what they cost.
//
// A *place* on the line is a device, or, where the chain's layers are split over a model axis, a
// group of as many consecutive devices as that has (LayerChain::group_size). Places replicate their
// stage, and share its batch. Below, devices are places, and bytes and times are of one device.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "planner/explore/pipeline/layer_chain.h"
#include "simulator/pipeline/pipeline.h"
#include "simulator/stage_links.h"

namespace automap {

// The schedule that stages run by.
inline constexpr char kPipelineSchedule[] = "1F1B";

// Where the stages end: stage s holds the layers [layer_ends[s - 1], layer_ends[s]) on the devices
// [device_ends[s - 1], device_ends[s]); both begin at 0 and end at all of them.
struct PipelineCuts {
  std::vector<int32_t> layer_ends, device_ends;
  bool operator==(const PipelineCuts&) const = default;
  bool operator<(const PipelineCuts& other) const {
    return layer_ends != other.layer_ends ? layer_ends < other.layer_ends
                                          : device_ends < other.device_ends;
  }

  // base/archive.h
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.layer_ends, self.device_ends);
  }
};

struct PipelineProblemOptions {
  int32_t stages = 1;
  int32_t micro_batches = 1;
  bool ignore_memory = false;
};

// What cuts cost. `pressure` is the worst need / limit over the stages.
struct PipelineCost {
  Seconds length;
  Bytes peak_memory;   // on the stage of the worst pressure
  Bytes memory_limit;  // there
  double pressure = 0;
  bool fits() const { return pressure <= 1; }
};

// Fits before not, then the shorter; where neither fits, the smaller pressure. With the limit
// lifted the shorter.
bool IsBetter(const PipelineCost& a, const PipelineCost& b, bool ignore_memory);

// What a device of a stage holds.
struct StageMemory {
  Bytes parameters;   // its variables, and its copies of variables whose home is elsewhere
  Bytes gradients;    // of those, kept beside them until the update
  Bytes optimizer;    // optimizer and other state
  Bytes activations;  // of the micro-batches in flight
  Bytes workspace;    // of the largest operation
  Bytes total() const { return parameters + gradients + optimizer + activations + workspace; }
};

// The cost model of one stage, worked out from prefix sums: all of it O(1) but for the first
// collective of a device range. The chain and the cluster must outlive it. Not thread-safe.
class PipelineProblem {
 public:
  // `links`, of the cluster and the chain's group size, may be shared with other problems of one
  // thread; null: its own.
  PipelineProblem(const LayerChain& chain, const Cluster& cluster,
                  const PipelineProblemOptions& options,
                  std::shared_ptr<StageLinks> links = nullptr);

  const LayerChain& chain() const { return chain_; }
  const PipelineProblemOptions& options() const { return options_; }
  int32_t layers() const { return static_cast<int32_t>(chain_.layers.size()); }
  int32_t devices() const { return links_->places(); }
  int32_t group_size() const { return links_->group_size(); }
  const Cluster& cluster() const { return links_->cluster(); }

  struct Range {
    int32_t begin = 0, end = 0;
    int32_t count() const { return end - begin; }
  };
  // Of stage `s`.
  static Range LayersOf(const PipelineCuts& cuts, int32_t s) {
    return {s > 0 ? cuts.layer_ends[s - 1] : 0, cuts.layer_ends[s]};
  }
  static Range DevicesOf(const PipelineCuts& cuts, int32_t s) {
    return {s > 0 ? cuts.device_ends[s - 1] : 0, cuts.device_ends[s]};
  }

  // The stage without its transfers.
  PipelineStage StageOf(Range layers, Range devices) const;
  // Its forward, backward and update alone, and its all-reduce alone.
  PipelineStage TimesOf(Range layers, Range devices) const;
  Seconds GradientSync(Range layers, Range devices) const;
  // What all-reduce and update of the layers [0, end) take at least, in parts: those of a stage
  // take at least the difference between its ends. More bytes of an all-reduce never take longer
  // each (collective_model.h).
  Seconds LeastTail(int32_t end, Range devices) const;
  // That all-reduce alone.
  Seconds LeastGradientSync(Range layers, Range devices) const {
    return Seconds{(gradients_[layers.end] - gradients_[layers.begin]) * LeastSyncOfByte(devices)};
  }
  // Seconds of one micro-batch from the layers before `layer_end` on [first, cut) to [cut, end).
  Seconds Send(int32_t layer_end, int32_t first, int32_t cut, int32_t end) const;
  // The least and the most that Send to these devices can be from any of `firsts` on.
  StageLinks::AnySender SendersTo(Range devices, absl::Span<const int32_t> firsts) const {
    return links_->FromAnySender(firsts, devices.begin, devices.count());
  }
  Seconds LeastSend(int32_t layer_end, int32_t devices, const StageLinks::AnySender& any) const {
    return any.least_latency + GatherTime(layer_end, devices) + Sent(layer_end, any.least_per_byte);
  }
  Seconds MostSend(int32_t layer_end, int32_t devices, const StageLinks::AnySender& any) const {
    return any.most_latency + GatherTime(layer_end, devices) + Sent(layer_end, any.most_per_byte);
  }
  // Bytes that a device of the stage needs, over what it may use; `stages_after` tells how many
  // micro-batches 1F1B holds.
  double Pressure(Range layers, Range devices, int32_t stages_after) const;
  // The same without what the stage receives: never falls when layers are added.
  double LeastPressure(Range layers, Range devices, int32_t stages_after) const;
  Bytes MemoryLimit(Range devices) const;
  // What Pressure counts, part by part, with that many micro-batches in flight.
  StageMemory MemoryOf(Range layers, Range devices, int32_t in_flight) const;
  // Seconds of a whole step's forwards, backwards and update of these layers, were they on one
  // device of the group and nothing split. O(layers).
  Seconds WholeWork(Range layers, Range devices) const;
  // What of the stage's forward, backward and update is exchange on the model axis, by kind of
  // collective or of all kinds. O(layers).
  PipelineStage ExchangeOf(Range layers, Range devices,
                           std::optional<CollectiveKind> kind = std::nullopt) const;
  bool HasVariable(Range layers) const {
    return variable_count_[layers.end] > variable_count_[layers.begin];
  }
  // Layers in [begin, all) that have variables.
  int32_t VariableLayersFrom(int32_t begin) const {
    return variable_layers_.back() - variable_layers_[begin];
  }
  bool MayUse(Range layers, Range devices, int32_t stages_after) const {
    return options_.ignore_memory || Pressure(layers, devices, stages_after) <= 1;
  }

  // Least seconds of one micro-batch through the layers [0, end) when `devices` devices share them
  // as they like: of the fastest type, without any exchange.
  Seconds LeastTime(int32_t end, int32_t devices) const {
    return fastest_fixed_[end] + fastest_scaled_[end] / (options_.micro_batches * 1.0 * devices);
  }
  // Least seconds of one micro-batch in the slowest of the stages that hold the layers [0, end).
  Seconds LeastSlowest(int32_t end, int32_t devices) const {
    return fastest_scaled_[end] / (options_.micro_batches * 1.0 * devices);
  }
  // Seconds of the layers [0, end) on one device of the fastest type, whole batch.
  Seconds Work(int32_t end) const {
    return fastest_scaled_[end] + options_.micro_batches * fastest_fixed_[end];
  }
  // The layer end nearest to a share of the work of the layers from `begin` on, or of a range.
  int32_t LayerAtWork(int32_t begin, double share) const {
    return LayerBetween({begin, layers()}, share);
  }
  int32_t LayerBetween(Range range, double share) const;
  // Where the line of devices is cut when [0, end) gets devices in proportion to its compute.
  int32_t ProportionalDevices(int32_t layer_end) const { return proportional_[layer_end]; }

  // Whether a server ends with the devices [0, device).
  bool IsServerEnd(int32_t device) const {
    const auto& servers = links_->cluster().server_of;
    const int32_t end = device * group_size();
    return device == devices() || servers[end] != servers[end - 1];
  }

  bool IsInOneServer(Range places) const {
    const auto& servers = links_->cluster().server_of;
    return servers[places.begin * group_size()] == servers[places.end * group_size() - 1];
  }

  Pipeline PipelineOf(const PipelineCuts& cuts) const;
  // With the length in closed form, and with that of the simulation under kPipelineSchedule, which
  // is never shorter. The latter is O(stages x micro-batches).
  PipelineCost Cost(const PipelineCuts& cuts) const;
  PipelineCost SimulatedCost(const PipelineCuts& cuts) const;
  bool IsBetter(const PipelineCost& a, const PipelineCost& b) const {
    return automap::IsBetter(a, b, options_.ignore_memory);
  }
  // By simulation.
  bool IsSooner(const PipelineCuts& a, const PipelineCuts& b) const {
    return IsBetter(SimulatedCost(a), SimulatedCost(b));
  }
  // Whether the cuts are in order, use all layers and devices, and every stage has a variable.
  bool IsLegal(const PipelineCuts& cuts) const;
  // Whether any cuts are legal, memory aside; if not, why.
  absl::Status Check() const;

 private:
  void SumLayers();
  void TabulateRanges();
  void TabulateDevices();
  size_t SyncOf(Range range) const {
    return (size_t{1} + devices()) * links_->Like(range.begin) + range.count();
  }
  double LeastSyncOfByte(Range devices) const {
    double& least = least_syncs_[SyncOf(devices)];
    return least < 0 ? least = FindLeastSync(devices) : least;
  }
  double FindLeastSync(Range devices) const;
  PipelineCost MemoryCost(const PipelineCuts& cuts) const;
  double Need(Range layers, Range devices, int32_t stages_after, double received) const;
  // Of the batch, of one device, in a micro-batch.
  double ShareOf(int32_t devices) const { return share_[devices]; }
  // Bytes of the whole batch that a device of the stage behind holds of what crosses a cut.
  double ReceivedAt(int32_t layer_end) const {
    if (layer_end == 0) return 0;
    const Layer& layer = chain_.layers[layer_end - 1];
    return (layer.boundary - layer.gathered).value / group_size() + layer.gathered.value;
  }
  // What one micro-batch sends there.
  Seconds Sent(int32_t layer_end, double per_byte) const {
    return Seconds{chain_.layers[layer_end - 1].boundary.value / options_.micro_batches * per_byte};
  }
  // What crosses whole is sent in parts and put together by each of the receiving places.
  Seconds GatherTime(int32_t layer_end, int32_t receivers) const {
    const Bytes gathered = chain_.layers[layer_end - 1].gathered;
    return gathered.value > 0 ? links_->Gather(gathered * ShareOf(receivers)) : Seconds{0};
  }

  const LayerChain& chain_;
  const PipelineProblemOptions options_;
  const std::shared_ptr<StageLinks> links_;
  // All-reduces worked out last, by a hash of their ranges: searches ask for the same ones again.
  struct KnownSync {
    uint64_t ranges = 0;  // none: no range is 0
    Seconds time;
  };
  mutable std::vector<KnownSync> known_syncs_;
  // Of all layers' gradients, a byte, by first device and number of devices; < 0: not worked out.
  mutable std::vector<double> least_syncs_;
  std::vector<std::vector<LayerTimes>> times_;  // by device type: of all layers before each
  std::vector<double> saved_, variables_, resident_, gradients_;
  std::vector<int32_t> variable_count_, variable_layers_;
  std::vector<Seconds> fastest_fixed_, fastest_scaled_;
  // By first layer and number of layers: of a stage with these layers.
  std::vector<std::vector<double>> workspace_, fixed_workspace_, copies_;
  std::vector<std::vector<Seconds>> copy_time_;
  // By first device and number of devices.
  std::vector<std::vector<int32_t>> slowest_type_;
  std::vector<std::vector<Bytes>> limit_;
  std::vector<double> share_;  // by number of devices
  std::vector<int32_t> proportional_;
};

// The cuts with `stages` stages of nearly equal compute on nearly equal shares of the devices.
PipelineCuts EvenCuts(const PipelineProblem& problem);

}  // namespace automap

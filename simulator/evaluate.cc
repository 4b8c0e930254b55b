#include "simulator/evaluate.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "simulator/collective/catalog.h"
#include "simulator/collective/group_path.h"
#include "simulator/compute/roofline.h"

namespace automap {
namespace {

constexpr Bytes kRuntimeReserve = {1.5 * (1 << 30)};
// From the launch of a collective to its first step, fitted on the sweeps of 8 A100 and 8 H200.
constexpr Seconds kCollectiveStart = {29e-6};
constexpr Bytes kCombined = {30 << 20};
constexpr double kAccesses = 3;

DeviceType Slower(const DeviceType& a, const DeviceType& b) {
  DeviceType slower = a;
  slower.memory = std::min(a.memory, b.memory);
  slower.memory_bandwidth = std::min(a.memory_bandwidth, b.memory_bandwidth);
  slower.launch = std::max(a.launch, b.launch);
  for (int i = 0; i < kNumberTypes; ++i) slower.peak[i] = std::min(a.peak[i], b.peak[i]);
  for (int kind = 0; kind < kComputeKinds; ++kind) {
    for (int i = 0; i < kNumberTypes; ++i)
      slower.efficiency[kind][i] = std::min(a.efficiency[kind][i], b.efficiency[kind][i]);
  }
  return slower;
}

}  // namespace

absl::StatusOr<CostModel> CostModel::Create(const Cluster& cluster, const Mesh& mesh) {
  CostModel model;
  int64_t total = 1;
  for (const Mesh::Axis& axis : mesh.axes) {
    if (axis.size < 1)
      return absl::InvalidArgumentError(
          absl::StrCat("mesh.", axis.name, ": ", axis.size, ", must be >= 1"));
    total *= axis.size;
    if (total > cluster.device_count()) break;
  }
  if (mesh.first_device < 0 || mesh.first_device + total > cluster.device_count()) {
    return absl::InvalidArgumentError(absl::StrCat("mesh: ", total, " devices from number ",
                                                   mesh.first_device, " on, the cluster has ",
                                                   cluster.device_count()));
  }
  model.device_count_ = total;
  for (int32_t i = 0; i < total; ++i) {
    const DeviceType& type =
        cluster.types[cluster.servers[cluster.server_of[mesh.first_device + i]].type];
    model.slowest_ = i == 0 ? type : Slower(model.slowest_, type);
  }
  model.memory_limit_ = std::max(Bytes{0}, model.slowest_.memory - kRuntimeReserve);
  model.axes_ = PathsOf(cluster, mesh);
  return model;
}

Seconds CostModel::StepTime(const ComputeStep& step) const {
  return KernelTime(slowest_, step) * static_cast<double>(step.repeats);
}

Seconds CostModel::StepTime(const CollectiveStep& step) const {
  const GroupPath& path = axes_[step.axis];
  const Bytes together = std::max(step.bytes, std::min(step.combined, kCombined));
  Seconds time = ModelOf(step.kind).Time(path, together);
  if (time.value > 0) time += kCollectiveStart;
  if (together > step.bytes) time = time * (step.bytes / together);
  return time * static_cast<double>(step.repeats);
}

Seconds CostModel::AllReduceTime::Of(Bytes bytes) const {
  if (curves_.empty() || bytes.value <= 0) return {0};
  return LeastAt(curves_, bytes) + kCollectiveStart;
}

CostModel::AllReduceTime CostModel::AllReduceOn(int32_t axis) const {
  const GroupPath& path = axes_[axis];
  return AllReduceTime(path.devices > 1 ? AllReduceModel().CurvesOf(path) : TransferCurves());
}

Seconds CostModel::TimeBehind(const CollectiveStep& step, const Background& compute) const {
  const Seconds alone = StepTime(step);
  if (compute.time.value <= 0 || alone.value <= 0) return alone;
  const double n = axes_[step.axis].devices;
  const double rounds = step.kind == CollectiveKind::kAllReduce ? 2 : 1;
  const Bytes accesses =
      step.bytes * (kAccesses * rounds * (n - 1) / n * static_cast<double>(step.repeats));
  const Seconds own = accesses / slowest_.SweepBandwidth();
  const Seconds together = std::min(alone, compute.time);
  return alone - together + own * (together / alone) * (compute.at_memory / compute.time);
}

// Two collectives behind the same steps hide there twice: a lower bound of what is seen.
Background CostModel::BackgroundOf(const Program& program, size_t index) const {
  Background background;
  int32_t left = std::get<CollectiveStep>(program.steps[index]).overlaps;
  for (size_t i = index + 1; left > 0 && i < program.steps.size(); ++i) {
    const auto* compute = std::get_if<ComputeStep>(&program.steps[i]);
    if (compute == nullptr) continue;
    const Seconds time = StepTime(*compute);
    background.time += time;
    if (compute->kind == ComputeKind::kMemory) background.at_memory += time;
    --left;
  }
  return background;
}

Evaluation CostModel::Evaluate(const Program& program) const {
  Evaluation result;
  Seconds ideal;
  std::map<std::pair<int, int>, CollectiveTotal> totals;
  for (size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    if (const auto* compute = std::get_if<ComputeStep>(&step)) {
      const Seconds time = StepTime(*compute);
      result.compute += time;
      ideal += time * (static_cast<double>(compute->split) / device_count_);
    } else {
      const auto& collective = std::get<CollectiveStep>(step);
      CollectiveTotal& total = totals[{static_cast<int>(collective.kind), collective.axis}];
      total.kind = collective.kind;
      total.axis = collective.axis;
      total.count += collective.repeats;
      total.bytes += collective.bytes * static_cast<double>(collective.repeats);
      total.time += TimeBehind(collective, BackgroundOf(program, i));
    }
  }
  for (const auto& [key, total] : totals) {
    result.collectives.push_back(total);
    result.communication += total.time;
    if (LeavesServer(total.axis)) result.network += total.time;
  }
  result.step_time = result.compute + result.communication;
  result.utilization = result.step_time.value > 0 ? ideal / result.step_time : 0;
  result.memory = PeakOf(program.buffers, program.steps.size());
  result.memory_limit = memory_limit_;
  return result;
}

}  // namespace automap

#include "simulator/evaluate.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "simulator/collective/catalog.h"
#include "simulator/compute/roofline.h"

namespace automap {
namespace {

constexpr Bytes kRuntimeReserve = {1.5 * (1 << 30)};
// What starting a collective costs beside its steps (NCCL's ring, Simple protocol).
constexpr Seconds kCollectiveBase = {8.4e-6};

DeviceType Slower(const DeviceType& a, const DeviceType& b) {
  DeviceType slower = a;
  slower.memory = std::min(a.memory, b.memory);
  slower.memory_bandwidth = std::min(a.memory_bandwidth, b.memory_bandwidth);
  slower.launch = std::max(a.launch, b.launch);
  for (int i = 0; i < kNumberTypes; ++i) slower.peak[i] = std::min(a.peak[i], b.peak[i]);
  return slower;
}

// The worst group of an axis whose neighbours are `stride` devices apart. A ring that leaves a
// server shares its ports with every other group of the axis that leaves it, too.
GroupPath PathOf(const Cluster& cluster, const Mesh& mesh, int32_t size, int32_t stride,
                 int32_t total) {
  GroupPath worst = {size, {0}, {0}, kCollectiveBase};
  const int32_t block = size * stride;
  std::map<int32_t, int32_t>
      leaving;  // groups with a member in the server and one outside, by server
  const auto server_of = [&](int32_t device) {
    return cluster.server_of[mesh.first_device + device];
  };
  const auto members = [&](int32_t group) {
    std::vector<int32_t> devices;
    const int32_t first = group / stride * block + group % stride;
    for (int32_t i = 0; i < size; ++i) devices.push_back(server_of(first + i * stride));
    return devices;
  };
  for (int32_t group = 0; group < total / size; ++group) {
    std::vector<int32_t> servers = members(group);
    if (servers.front() == servers.back()) continue;
    servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
    for (const int32_t server : servers) ++leaving[server];
  }
  for (int32_t group = 0; group < total / size; ++group) {
    const std::vector<int32_t> servers = members(group);
    const bool leaves = servers.front() != servers.back();
    for (size_t i = 0; i < servers.size(); ++i) {
      const Server& server = cluster.servers[servers[i]];
      const auto consider = [&](const Link& link, double share) {
        const BytesPerSecond bandwidth = link.bandwidth * (link.efficiency * share);
        if (worst.bandwidth.value == 0 || bandwidth < worst.bandwidth) worst.bandwidth = bandwidth;
        worst.latency = std::max(worst.latency, link.latency);
      };
      if (i + 1 < servers.size() && servers[i] == servers[i + 1]) consider(server.inside, 1);
      if (leaves) consider(server.outside, 1 / (leaving[servers[i]] * cluster.oversubscription));
    }
  }
  return worst;
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
  int32_t stride = total;
  for (const Mesh::Axis& axis : mesh.axes) {
    stride /= axis.size;
    model.axes_.push_back(PathOf(cluster, mesh, axis.size, stride, total));
  }
  return model;
}

Seconds CostModel::StepTime(const ComputeStep& step) const {
  return KernelTime(slowest_, step) * static_cast<double>(step.repeats);
}

Seconds CostModel::StepTime(const CollectiveStep& step) const {
  return ModelOf(step.kind).Time(axes_[step.axis], step.bytes) * static_cast<double>(step.repeats);
}

Evaluation CostModel::Evaluate(const Program& program) const {
  Evaluation result;
  Seconds ideal;
  std::map<std::pair<int, int>, CollectiveTotal> totals;
  for (const Step& step : program.steps) {
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
      total.time += StepTime(collective);
    }
  }
  for (const auto& [key, total] : totals) {
    result.collectives.push_back(total);
    result.communication += total.time;
  }
  result.step_time = result.compute + result.communication;
  result.utilization = result.step_time.value > 0 ? ideal / result.step_time : 0;
  result.memory = PeakOf(program.buffers, program.steps.size());
  result.memory_limit = memory_limit_;
  return result;
}

}  // namespace automap

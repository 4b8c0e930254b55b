#include "simulator/collective/group_path.h"

#include <algorithm>
#include <map>

namespace automap {
namespace {

// Devices of a group by server, as places in it.
using Members = std::map<int32_t, std::vector<int32_t>>;

// Sixths of a device's bandwidth between two devices of a cube mesh.
constexpr int kCubeMesh[8][8] = {
    {0, 1, 1, 2, 2, 0, 0, 0}, {1, 0, 2, 1, 0, 2, 0, 0}, {1, 2, 0, 1, 0, 0, 2, 0},
    {2, 1, 1, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 1, 1, 2}, {0, 2, 0, 0, 1, 0, 2, 1},
    {0, 0, 2, 0, 1, 2, 0, 1}, {0, 0, 0, 2, 2, 1, 1, 0},
};

// Share of a device's bandwidth that a ring through the group gets: the fewest wires between any
// two halves of it, as every ring crosses them there and back; where there is none, data takes a
// detour over half of one. O(2^devices).
double CubeMeshShare(const std::vector<int32_t>& places) {
  const size_t count = std::min<size_t>(8, places.size());
  double fewest = 6;
  for (uint32_t half = 1; half + 1 < (uint32_t{1} << count); ++half) {
    double wires = 0;
    for (size_t a = 0; a < count; ++a) {
      for (size_t b = 0; b < count; ++b) {
        const bool crosses = (half >> a & 1) == 1 && (half >> b & 1) == 0;
        if (crosses) wires += kCubeMesh[places[a] % 8][places[b] % 8];
      }
    }
    fewest = std::min(fewest, wires);
  }
  return std::max(0.5, fewest) / 6;
}

// What pairs of devices reach inside a server, over what a ring does: 195 of 235 GB/s on 8 A100.
constexpr double kOfARing = 0.83;

// Two devices share a PCIe 3 switch of the host.
constexpr BytesPerSecond kThroughHost = {15.75e9 * 0.8 / 2};

// What a device reaches that sends as much to each other one of its group at once: the slower of
// its narrowest wire and, to those that no wire leads to, its share of the host's PCIe.
BytesPerSecond CubeMeshExchange(const Link& link, const std::vector<int32_t>& places) {
  double longest = 0;  // seconds for a byte to each
  for (const int32_t from : places) {
    double unwired = 0;
    for (const int32_t to : places) {
      const int wires = kCubeMesh[from % 8][to % 8];
      if (from == to) continue;
      if (wires == 0) {
        ++unwired;
      } else {
        longest = std::max(longest, 1 / (link.Reached().value * wires / 6));
      }
    }
    longest = std::max(longest, unwired / kThroughHost.value);
  }
  return {(static_cast<double>(places.size()) - 1) / longest};
}

// One axis: its groups, and how many of them leave each server and each switch.
class AxisLayout {
 public:
  AxisLayout(const Cluster& cluster, const Mesh& mesh, int32_t size, int32_t stride, int32_t total)
      : cluster_(cluster), size_(size) {
    for (int32_t group = 0; group < total / size; ++group) {
      Members members;
      const int32_t first = mesh.first_device + group / stride * size * stride + group % stride;
      for (int32_t i = 0; i < size; ++i) {
        const int32_t device = first + i * stride, server = cluster.server_of[device];
        members[server].push_back(device - cluster.servers[server].first_device);
      }
      groups_.push_back(std::move(members));
    }
    for (const Members& group : groups_) CountLeaving(group);
  }

  GroupPath Worst() const {
    GroupPath worst;
    for (const Members& group : groups_) worst = Worse(worst, PathOf(group));
    return worst;
  }

 private:
  // How many of the group's devices each switch holds.
  std::map<int32_t, int32_t> BelowSwitches(const Members& group) const {
    std::map<int32_t, int32_t> below;
    for (const auto& [server, places] : group) {
      for (int32_t i = cluster_.servers[server].switch_index; i >= 0;
           i = cluster_.switches[i].parent)
        below[i] += static_cast<int32_t>(places.size());
    }
    return below;
  }

  void CountLeaving(const Members& group) {
    if (group.size() < 2) return;
    for (const auto& [server, places] : group) ++leaving_server_[server];
    for (const auto& [index, count] : BelowSwitches(group)) leaving_switch_[index] += count < size_;
  }

  // What the group gets on the way out of a server.
  BytesPerSecond OutOf(int32_t server, const std::map<int32_t, int32_t>& below) const {
    BytesPerSecond reached =
        cluster_.servers[server].outside.Reached() / leaving_server_.at(server);
    for (int32_t i = cluster_.servers[server].switch_index; i >= 0;
         i = cluster_.switches[i].parent) {
      const Switch& item = cluster_.switches[i];
      if (below.at(i) < size_) {
        reached = std::min(reached, item.uplink / leaving_switch_.at(i));
      } else {
        return reached / item.congestion;
      }
    }
    return reached;
  }

  GroupPath PathOf(const Members& group) const {
    GroupPath path;
    path.devices = size_;
    path.servers = static_cast<int32_t>(group.size());
    const auto below = BelowSwitches(group);
    for (const auto& [server, places] : group) {
      const Server& machine = cluster_.servers[server];
      const int32_t count = static_cast<int32_t>(places.size());
      path.per_server = std::max(path.per_server, count);
      if (count > 1) {
        const double share = machine.inside.cube_mesh ? CubeMeshShare(places) : 1;
        Narrow(path.inside, machine.inside.Reached() * share);
        Narrow(path.exchange, machine.inside.cube_mesh ? CubeMeshExchange(machine.inside, places)
                                                       : machine.inside.Reached() * kOfARing);
        path.inside_latency = std::max(path.inside_latency, machine.inside.latency);
        if (machine.inside.reduces_in_switch)
          path.in_switch = machine.inside.bandwidth * machine.inside.in_switch_efficiency;
      }
      if (path.servers > 1) {
        Narrow(path.outside, OutOf(server, below));
        Narrow(path.port, machine.port);
        path.outside_latency = std::max(path.outside_latency, machine.outside.latency);
      }
    }
    path.ring = path.outside.value > 0 ? path.outside : path.inside;
    if (path.inside.value > 0) Narrow(path.ring, path.inside);
    return path;
  }

  static void Narrow(BytesPerSecond& least, BytesPerSecond other) {
    if (other.value > 0 && (least.value == 0 || other < least)) least = other;
  }

  static GroupPath Worse(GroupPath a, const GroupPath& b) {
    if (a.in_switch.value == 0 || a.devices == 1) a.in_switch = b.in_switch;
    if (b.in_switch.value == 0) a.in_switch = {0};
    a.devices = std::max(a.devices, b.devices);
    a.servers = std::max(a.servers, b.servers);
    a.per_server = std::max(a.per_server, b.per_server);
    Narrow(a.ring, b.ring);
    Narrow(a.inside, b.inside);
    Narrow(a.exchange, b.exchange);
    Narrow(a.outside, b.outside);
    Narrow(a.port, b.port);
    a.inside_latency = std::max(a.inside_latency, b.inside_latency);
    a.outside_latency = std::max(a.outside_latency, b.outside_latency);
    return a;
  }

  const Cluster& cluster_;
  const int32_t size_;
  std::vector<Members> groups_;
  std::map<int32_t, int32_t> leaving_server_, leaving_switch_;
};

}  // namespace

std::vector<GroupPath> PathsOf(const Cluster& cluster, const Mesh& mesh) {
  int32_t total = 1;
  for (const Mesh::Axis& axis : mesh.axes) total *= axis.size;
  std::vector<GroupPath> paths;
  int32_t stride = total;
  for (const Mesh::Axis& axis : mesh.axes) {
    stride /= axis.size;
    if (axis.size == 1) {
      paths.emplace_back();
      continue;
    }
    paths.push_back(AxisLayout(cluster, mesh, axis.size, stride, total).Worst());
  }
  return paths;
}

}  // namespace automap

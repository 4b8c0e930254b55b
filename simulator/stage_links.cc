#include "simulator/stage_links.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace automap {

namespace {

// After how many places the line of devices repeats itself; all of them, unless all servers are
// alike.
int32_t PeriodOf(const Cluster& cluster, int32_t group_size) {
  const Server& first = cluster.servers.front();
  for (Server server : cluster.servers) {
    server.first_device = first.first_device;
    if (server != first || server.device_count == 0) return cluster.device_count() / group_size;
  }
  return first.device_count / std::gcd(first.device_count, group_size);
}

}  // namespace

StageLinks::StageLinks(const Cluster& cluster, int32_t group_size)
    : cluster_(&cluster),
      group_size_(group_size),
      places_(cluster.device_count() / group_size),
      period_(PeriodOf(cluster, group_size)),
      groups_(period_ * (size_t{1} + places())),
      paths_(groups_.size()) {
  for (int32_t place = 0; place < places(); ++place) like_.push_back(place % period_);
  if (group_size > 1)
    within_ = *CostModel::Create(cluster, Mesh{{{"data", places()}, {"model", group_size}}, 0});
  for (int32_t device = 0; device < cluster.device_count(); ++device) {
    limits_.push_back(CostModel::Create(cluster, Mesh{{}, device})->memory_limit());
  }
  const bool many = cluster.servers.size() > 1;
  for (const Server& server : cluster.servers) {
    const Link& link = many ? server.outside : server.inside;
    BytesPerSecond bandwidth = link.Reached();
    for (int32_t i = many ? server.switch_index : -1; i >= 0; i = cluster.switches[i].parent) {
      const Switch& above = cluster.switches[i];
      bandwidth = bandwidth / above.congestion;
      if (above.uplink.value > 0) bandwidth = std::min(bandwidth, above.uplink);
    }
    if (slowest_.value == 0 || (bandwidth.value > 0 && bandwidth < slowest_)) slowest_ = bandwidth;
    slowest_latency_ = std::max(slowest_latency_, link.latency);
  }
  if (slowest_.value == 0) slowest_ = {1e12};  // a single device sends nothing
}

Seconds StageLinks::AllReduce(int32_t first, int32_t count, Bytes bytes) {
  if (count < 2 || bytes.value <= 0) return {0};
  std::optional<CostModel::AllReduceTime>& group = groups_[RowOf(first, count)];
  if (!group) {
    Mesh mesh = {{{"data", count}}, Like(first) * group_size_};
    if (group_size_ > 1) mesh.axes.push_back({"model", group_size_});
    group = CostModel::Create(*cluster_, mesh)->AllReduceOn(0);
  }
  return group->Of(bytes);
}

Seconds StageLinks::Gather(Bytes bytes) {
  constexpr int kShift = 54;  // 1024 entries
  if (!within_ || bytes.value <= 0) return {0};
  if (gathers_.empty()) gathers_.resize(size_t{1} << (64 - kShift));
  KnownGather& known =
      gathers_[std::bit_cast<uint64_t>(bytes.value) * 0x9e3779b97f4a7c15u >> kShift];
  if (known.bytes != bytes)
    known = {bytes, within_->StepTime(CollectiveStep{CollectiveKind::kAllGather, 1, bytes, 1})};
  return known.time;
}

namespace {

// Shares of a tensor by server, in the order in which they come to be: a transfer's pieces go along
// the line of devices.
class ServerShares {
 public:
  void Add(int32_t server, double share) {
    if (shares_.empty() || shares_.back().first != server) shares_.emplace_back(server, 0);
    shares_.back().second += share;
  }
  auto begin() const { return shares_.begin(); }
  auto end() const { return shares_.end(); }

 private:
  absl::InlinedVector<std::pair<int32_t, double>, 16> shares_;
};

// Shares of a tensor by what carries them, one direction each.
struct Loads {
  absl::InlinedVector<double, 64> devices;  // inside a server
  ServerShares out_of_server, into_server;
  std::map<int32_t, double> out_of_switch, into_switch;
  double congestion = 1;  // the worst on the way
};

bool IsBelow(const Cluster& cluster, int32_t server, int32_t index) {
  for (int32_t i = cluster.servers[server].switch_index; i >= 0; i = cluster.switches[i].parent) {
    if (i == index) return true;
  }
  return false;
}

// Counts `share` on all switches that a transfer from server to server leaves.
void CountSwitches(const Cluster& cluster, int32_t from, int32_t to, double share,
                   std::map<int32_t, double>& leaving, double& congestion) {
  for (int32_t i = cluster.servers[from].switch_index; i >= 0; i = cluster.switches[i].parent) {
    if (IsBelow(cluster, to, i)) {
      congestion = std::max(congestion, cluster.switches[i].congestion);
      return;
    }
    leaving[i] += share;
  }
}

}  // namespace

StageLinks::Path StageLinks::FindPath(int32_t first, int32_t count, int32_t next) const {
  const Cluster& cluster = *cluster_;
  Loads loads;
  loads.devices.assign(count + next, 0);
  Path path;
  for (int32_t sender = 0, receiver = 0; sender < count && receiver < next;) {
    const double begin = std::max(static_cast<double>(sender) / count, 1.0 * receiver / next);
    const double end = std::min((sender + 1.0) / count, (receiver + 1.0) / next);
    const int32_t from = cluster.server_of[first + sender];
    const int32_t to = cluster.server_of[first + count + receiver];
    const double share = std::max(0.0, end - begin);
    if (from == to) {
      loads.devices[sender] += share;
      loads.devices[count + receiver] += share;
      path.latency = std::max(path.latency, cluster.servers[from].inside.latency);
    } else {
      loads.out_of_server.Add(from, share);
      loads.into_server.Add(to, share);
      CountSwitches(cluster, from, to, share, loads.out_of_switch, loads.congestion);
      CountSwitches(cluster, to, from, share, loads.into_switch, loads.congestion);
      path.latency = std::max({path.latency, cluster.servers[from].outside.latency,
                               cluster.servers[to].outside.latency});
    }
    // The next piece begins where the shorter of the two ends.
    const int64_t sender_end = static_cast<int64_t>(sender + 1) * next;
    const int64_t receiver_end = static_cast<int64_t>(receiver + 1) * count;
    sender += sender_end <= receiver_end;
    receiver += receiver_end <= sender_end;
  }
  const auto carry = [&](double share, BytesPerSecond reached) {
    if (share > 0) path.seconds_per_byte = std::max(path.seconds_per_byte, share / reached.value);
  };
  for (int32_t i = 0; i < count + next; ++i) {
    carry(loads.devices[i], cluster.servers[cluster.server_of[first + i]].inside.Reached());
  }
  for (const auto* servers : {&loads.out_of_server, &loads.into_server}) {
    for (const auto& [server, share] : *servers)
      carry(share * loads.congestion, cluster.servers[server].outside.Reached());
  }
  for (const auto* switches : {&loads.out_of_switch, &loads.into_switch}) {
    for (const auto& [index, share] : *switches) carry(share, cluster.switches[index].uplink);
  }
  return path;
}

const StageLinks::Path& StageLinks::PathOf(int32_t first, int32_t count, int32_t next) {
  std::vector<Path>& row = paths_[RowOf(first, count)];
  if (row.empty()) row.resize(places() - Like(first) - count + 1);
  Path& path = row[next];
  if (path.seconds_per_byte == 0)
    path = FindPath(Like(first) * group_size_, count * group_size_, next * group_size_);
  return path;
}

Seconds StageLinks::Transfer(int32_t first, int32_t count, int32_t next, Bytes bytes) {
  const Path& path = PathOf(first, count, next);
  return path.latency + Seconds{bytes.value * path.seconds_per_byte};
}

StageLinks::AnySender StageLinks::FromAnySender(absl::Span<const int32_t> firsts, int32_t cut,
                                                int32_t next) {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  AnySender any = {kNone, 0, {kNone}, {0}};
  for (const int32_t first : firsts) {
    const Path& path = PathOf(first, cut - first, next);
    any.least_per_byte = std::min(any.least_per_byte, path.seconds_per_byte);
    any.least_latency = std::min(any.least_latency, path.latency);
    any.most_per_byte = std::max(any.most_per_byte, path.seconds_per_byte);
    any.most_latency = std::max(any.most_latency, path.latency);
  }
  return any;
}

int32_t StageLinks::SlowestType(int32_t first, int32_t count) const {
  int32_t slowest = -1;
  const auto peak = [&](int32_t type) { return cluster_->types[type].peak[0]; };
  for (int32_t device = first * group_size_; device < (first + count) * group_size_; ++device) {
    const int32_t type = cluster_->servers[cluster_->server_of[device]].type;
    if (slowest < 0 || peak(type) < peak(slowest)) slowest = type;
  }
  return slowest;
}

Bytes StageLinks::MemoryLimit(int32_t first, int32_t count) const {
  return *std::min_element(limits_.begin() + first * group_size_,
                           limits_.begin() + (first + count) * group_size_);
}

}  // namespace automap

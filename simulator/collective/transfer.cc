#include <algorithm>
#include <map>

#include "simulator/collective/group_path.h"
#include "simulator/collective/protocol.h"

namespace automap {
namespace {

// Share of a range's devices in each place.
using Shares = std::map<int32_t, double>;

Shares ServerShares(const Cluster& cluster, DeviceRange range) {
  Shares shares;
  for (int32_t i = 0; i < range.count; ++i)
    shares[cluster.server_of[range.first + i]] += 1.0 / range.count;
  return shares;
}

Shares SwitchShares(const Cluster& cluster, const Shares& servers) {
  Shares shares;
  for (const auto& [server, share] : servers) {
    for (int32_t i = cluster.servers[server].switch_index; i >= 0; i = cluster.switches[i].parent)
      shares[i] += share;
  }
  return shares;
}

double ShareAt(const Shares& shares, int32_t place) {
  const auto found = shares.find(place);
  return found == shares.end() ? 0 : found->second;
}

// Calls f(place, share of all bytes that leave or enter it, whichever is more).
template <typename F>
void ForEachCrossed(const Shares& from, const Shares& to, const F& f) {
  for (const auto& [place, share] : from) {
    const double other = ShareAt(to, place);
    f(place, std::max(share * (1 - other), (1 - share) * other));
  }
  for (const auto& [place, share] : to) {
    if (from.count(place) == 0) f(place, share);
  }
}

}  // namespace

Seconds TransferTime(const Cluster& cluster, DeviceRange from, DeviceRange to, Bytes bytes) {
  if (bytes.value <= 0) return {0};
  const Shares senders = ServerShares(cluster, from), receivers = ServerShares(cluster, to);
  Seconds transfer, latency;
  const auto consider = [&](double share, BytesPerSecond reached) {
    if (share > 0 && reached.value > 0) transfer = std::max(transfer, bytes * share / reached);
  };
  const double busiest = 1.0 / std::min(from.count, to.count);
  for (const auto& [server, share] : senders) {
    const double received = ShareAt(receivers, server);
    if (received <= 0) continue;
    const Link& inside = cluster.servers[server].inside;
    consider(std::max(received / from.count, share / to.count),
             inside.bandwidth * inside.efficiency);
    latency = std::max(latency, inside.latency);
  }
  ForEachCrossed(senders, receivers, [&](int32_t index, double share) {
    if (share <= 1e-12) return;
    const Server& server = cluster.servers[index];
    const BytesPerSecond all = server.outside.bandwidth * server.outside.efficiency;
    consider(share, all);
    consider(std::min(share, busiest), server.port);
    latency = std::max(latency, server.outside.latency);
  });
  ForEachCrossed(SwitchShares(cluster, senders), SwitchShares(cluster, receivers),
                 [&](int32_t index, double share) {
                   if (share > 1e-12) consider(share, cluster.switches[index].uplink);
                 });
  return kSimple.base + latency + transfer;
}

}  // namespace automap

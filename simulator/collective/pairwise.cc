#include "simulator/collective/pairwise.h"

#include <algorithm>

#include "simulator/collective/protocol.h"

namespace automap {
namespace {

// One hop, the slowest that the group has.
Seconds Hop(const GroupPath& path, Bytes bytes) {
  Seconds time;
  if (path.per_server > 1) time = path.inside_latency + bytes / path.exchange;
  if (path.servers > 1) {
    const BytesPerSecond reached = std::min(path.port, path.outside);
    time = std::max(time, path.outside_latency + bytes / reached);
  }
  return kSimple.base + time;
}

}  // namespace

Seconds AllToAllModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  const double n = path.devices, g = path.per_server;
  Seconds time = kSimple.base * (n - 1) + path.inside_latency * (g - 1);
  Seconds transfer;
  if (g > 1) transfer = bytes * ((g - 1) / (n * n)) / path.exchange;
  if (path.servers > 1) {
    time += path.outside_latency * (n - g);
    transfer = std::max(transfer, bytes * (g * (n - g) / (n * n)) / path.outside);
  }
  return time + transfer;
}

Seconds PermuteModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  return Hop(path, bytes / path.devices);
}

Seconds SendReceiveModel::Time(const GroupPath& path, Bytes bytes) const {
  if (path.devices <= 1 || bytes.value <= 0) return {0};
  return Hop(path, bytes);
}

}  // namespace automap

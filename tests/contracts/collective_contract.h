// What every collective model promises (simulator/collective/collective_model.h).
#pragma once

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "simulator/collective/catalog.h"

namespace automap {

// `per_server` devices on each of `servers`: 100 GB/s inside, 10 GB/s out of a server.
inline GroupPath TestPath(int servers, int per_server) {
  GroupPath path;
  path.devices = servers * per_server;
  path.servers = servers;
  path.per_server = per_server;
  if (per_server > 1) {
    path.inside = path.exchange = {100e9};
    path.inside_latency = {3e-6};
  }
  if (servers > 1) path.outside = path.port = {10e9}, path.outside_latency = {20e-6};
  path.ring = servers > 1 ? path.outside : path.inside;
  return path;
}

// Bytes that must leave a device inside a server, over the full tensor's, with n devices.
inline double LeastVolume(CollectiveKind kind, double n) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return 2 * (n - 1) / n;
    case CollectiveKind::kAllGather:
    case CollectiveKind::kReduceScatter:
      return (n - 1) / n;
    case CollectiveKind::kAllToAll:
      return (n - 1) / (n * n);
    case CollectiveKind::kPermute:
      return 1 / n;
    case CollectiveKind::kSendReceive:
      return 1;
  }
  return 0;
}

// The same for a server of g devices: it has to send what it holds to the k - 1 others.
inline double LeastVolumeOfServer(CollectiveKind kind, double k, double g) {
  if (kind == CollectiveKind::kAllToAll) return g * (k - 1) / (k * k * g);
  if (kind == CollectiveKind::kPermute) return 1 / (k * g);
  return LeastVolume(kind, k);
}

inline void CheckCollectiveContract(const CollectiveRow& row) {
  for (const int servers : {1, 2, 3, 8, 128}) {
    for (const int per_server : {1, 2, 8, 16}) {
      const GroupPath path = TestPath(servers, per_server);
      if (path.devices == 1) continue;
      double last = 0, last_bytes = 0;
      for (double bytes = 1; bytes < 1e12; bytes *= 1.25) {
        const double time = row.model->Time(path, Bytes{bytes}).value;
        ASSERT_TRUE(std::isfinite(time) && time >= last) << row.name << " falls with bytes";
        ASSERT_TRUE(last == 0 || time / bytes <= last / last_bytes * (1 + 1e-12))
            << row.name << " takes longer for each of " << bytes << " bytes";
        if (servers == 1) {
          ASSERT_GE(time, LeastVolume(row.kind, path.devices) * bytes / 100e9)
              << row.name << " beats the wire inside a server";
        } else {
          ASSERT_GE(time * (1 + 1e-12),
                    LeastVolumeOfServer(row.kind, servers, per_server) * bytes / 10e9)
              << row.name << " beats the bisection";
        }
        ASSERT_TRUE(last == 0 || time - last <= 4 * (bytes - last_bytes) / 1e9 + 1e-9)
            << row.name << " jumps at " << bytes;
        last = time, last_bytes = bytes;
      }
    }
  }
  EXPECT_EQ(row.model->Time(GroupPath{}, Bytes{1e9}).value, 0) << row.name << " with one device";
  EXPECT_EQ(row.model->Time(TestPath(2, 2), Bytes{0}).value, 0) << row.name << " with no bytes";
}

}  // namespace automap

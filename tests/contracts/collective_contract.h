// What every collective model promises (simulator/collective/collective_model.h).
#pragma once

#include <cmath>

#include "gtest/gtest.h"
#include "simulator/collective/catalog.h"

namespace automap {

// Bytes per device that must at least cross a link, over the full tensor's bytes.
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

inline void CheckCollectiveContract(const CollectiveRow& row) {
  double last_for_devices = 0;
  for (const int devices : {2, 3, 4, 8, 16, 64, 1024}) {
    const GroupPath path = {devices, {100e9}, {3e-6}, {8e-6}};
    double last = 0;
    for (double bytes = 1; bytes < 1e12; bytes *= 3) {
      const double time = row.model->Time(path, Bytes{bytes}).value;
      ASSERT_TRUE(std::isfinite(time) && time >= last) << row.name << " falls with bytes";
      ASSERT_GE(time, LeastVolume(row.kind, devices) * bytes / 100e9)
          << row.name << " beats the wire";
      last = time;
    }
    const bool shares_shrink =
        row.kind == CollectiveKind::kAllToAll || row.kind == CollectiveKind::kPermute;
    ASSERT_TRUE(shares_shrink || last >= last_for_devices) << row.name << " falls with devices";
    last_for_devices = last;
  }
  EXPECT_EQ(row.model->Time({1, {1e9}, {1e-6}, {1e-6}}, Bytes{1e9}).value, 0)
      << row.name << " with one device";
}

}  // namespace automap

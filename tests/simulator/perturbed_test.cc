#include "simulator/cluster/perturbed.h"

#include "gtest/gtest.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

TEST(Perturbed, ScalesLinksAndEfficienciesAlone) {
  // Presets by name alone: nothing is declared.
  const v1::Cluster given =
      *ClusterFromJson(R"({"servers": [{"deviceType": "a100", "devices": 2, "link": "nvlink3"}]})");
  const Cluster before = *ClusterFromProto(given);
  const Cluster after = *ClusterFromProto(Perturbed(given, 0.8, 1.2));
  EXPECT_DOUBLE_EQ(after.servers[0].inside.bandwidth.value,
                   0.8 * before.servers[0].inside.bandwidth.value);
  EXPECT_EQ(after.servers[0].inside.latency, before.servers[0].inside.latency);
  EXPECT_DOUBLE_EQ(after.types[0].efficiency[0][1], 1.2 * before.types[0].efficiency[0][1]);
  EXPECT_EQ(after.types[0].peak, before.types[0].peak);
  EXPECT_EQ(after.types[0].memory, before.types[0].memory);
}

TEST(Perturbed, ByNothingPricesTheSame) {
  const v1::Cluster given = *ClusterPreset("v100x8x4-25gbps");
  EXPECT_EQ(*ClusterFromProto(Perturbed(given, 1, 1)), *ClusterFromProto(given));
}

}  // namespace
}  // namespace automap

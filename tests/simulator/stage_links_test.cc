#include "simulator/stage_links.h"

#include <numeric>

#include "gtest/gtest.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

// Visits all neighbouring ranges of places [first, cut) and [cut, end).
template <typename Visit>
void ForAllNeighbours(int32_t places, const Visit& visit) {
  for (int32_t first = 0; first < places; ++first) {
    for (int32_t cut = first + 1; cut < places; ++cut) {
      for (int32_t end = cut + 1; end <= places; ++end) visit(first, cut, end);
    }
  }
}

TEST(StageLinks, NoSenderIsOutsideOfWhatAnySenderTakes) {
  const Bytes bytes{1e9};
  for (const char* preset : {"v100x8x3-25gbps", "a100x4x4-200gbps"}) {
    const Cluster cluster = *ClusterFromProto(*ClusterPreset(preset));
    for (const int32_t group_size : {1, 2, 4, 8}) {
      StageLinks links(cluster, group_size);
      ForAllNeighbours(links.places(), [&](int32_t first, int32_t cut, int32_t end) {
        std::vector<int32_t> firsts(cut);
        std::iota(firsts.begin(), firsts.end(), 0);
        const StageLinks::AnySender any = links.FromAnySender(firsts, cut, end - cut);
        const double time = links.Transfer(first, cut - first, end - cut, bytes).value;
        const double least = any.least_latency.value + any.least_per_byte * bytes.value;
        const double most = any.most_latency.value + any.most_per_byte * bytes.value;
        EXPECT_GE(time, least) << first << " " << cut;
        EXPECT_LE(time, most) << first << " " << cut;
      });
    }
  }
}

// With one more server of another kind behind them nothing is taken to be like anything else.
TEST(StageLinks, PlacesThatAreAlikeExchangeAsTheyWouldByThemselves) {
  for (const char* preset : {"v100x8x3-25gbps", "a100x4x4-200gbps"}) {
    const v1::Cluster servers = *ClusterPreset(preset);
    v1::Cluster more = servers;
    v1::Cluster::Server other = more.servers(0);
    other.set_devices(other.devices() == 8 ? 4 : 8);
    *more.add_servers() = other;
    const Cluster alike = *ClusterFromProto(servers), unlike = *ClusterFromProto(more);
    for (const int32_t group_size : {1, 2, 4}) {
      StageLinks links(alike, group_size), others(unlike, group_size);
      EXPECT_LT(links.Like(links.places() - 1), links.places() - 1);
      EXPECT_EQ(others.Like(links.places() - 1), links.places() - 1);
      ForAllNeighbours(links.places(), [&](int32_t first, int32_t cut, int32_t end) {
        EXPECT_EQ(links.Transfer(first, cut - first, end - cut, Bytes{1e8}).value,
                  others.Transfer(first, cut - first, end - cut, Bytes{1e8}).value);
        EXPECT_EQ(links.AllReduce(first, cut - first, Bytes{1e8}).value,
                  others.AllReduce(first, cut - first, Bytes{1e8}).value);
      });
    }
  }
}

}  // namespace
}  // namespace automap

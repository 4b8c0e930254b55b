#include "planner/explore/pipeline/describe_pipeline.h"

#include "gtest/gtest.h"
#include "planner/explore/pipeline/profile_chain.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

// Four equal layers in two stages of two devices.
v1::Plan::Cost CostOn(const char* preset) {
  std::string text = R"({"microBatch": 2, "layers": [)";
  for (int i = 0; i < 4; ++i) {
    text += std::string(i > 0 ? "," : "") + R"({"name": "l)" + std::to_string(i) +
            R"(", "forwardS": 1e-3, "backwardS": 2e-3, "outputBytes": 1e6, "parameterBytes": 1e7})";
  }
  const v1::Cluster proto = *ClusterPreset(preset);
  const LayerChain chain = ChainOfMicroBatches(*ReadProfile(text + "]}"), 4);
  const Cluster cluster = *ClusterFromProto(proto);
  const PipelineProblem problem(chain, cluster, {.stages = 2, .micro_batches = 4});
  return DescribePipelinePlan(nullptr, "", proto, problem, EvenCuts(problem), {}, nullptr)->cost();
}

TEST(DescribePipelinePlan, TellsWhatOfItsCommunicationLeavesAServer) {
  const v1::Plan::Cost inside = CostOn("v100x4x1-25gbps");
  EXPECT_GT(inside.communication_s(), 0);
  EXPECT_EQ(inside.network_s(), 0);
  EXPECT_TRUE(inside.has_network_s());
  const v1::Plan::Cost two = CostOn("v100x2x2-25gbps");
  EXPECT_GT(two.network_s(), 0) << "from stage to stage";
  EXPECT_LT(two.network_s(), two.communication_s()) << "gradients stay inside";
  const v1::Plan::Cost four = CostOn("v100x1x4-25gbps");
  EXPECT_NEAR(four.network_s(), four.communication_s(), 1e-12) << "everything leaves";
}

// One layer on each of three pairs of devices, which exchange something in every micro-batch.
v1::Plan::Cost CostOfPairs(const char* servers) {
  LayerChain chain;
  chain.group_size = 2, chain.batch = 4;
  for (int i = 0; i < 3; ++i) {
    Layer& layer = chain.layers.emplace_back();
    layer.cut_after = layer.name = std::to_string(i);
    layer.variable_count = 1, layer.variables = {1e6};
    LayerExchange exchange;
    exchange.count = 1, exchange.times.forward_scaled = {4e-3};
    layer.exchanges = {exchange};
    layer.times = {{{}, {8e-3}, {}, {8e-3}, {}}};
  }
  const v1::Cluster proto = *ClusterFromJson(servers);
  const Cluster cluster = *ClusterFromProto(proto);
  const PipelineProblem problem(chain, cluster, {.stages = 3, .micro_batches = 4});
  return DescribePipelinePlan(nullptr, "", proto, problem, EvenCuts(problem), {}, nullptr)->cost();
}

TEST(DescribePipelinePlan, TellsWhatOfTheModelAxisLeavesAServer) {
  const auto servers = [](std::initializer_list<int> counts) {
    std::string text = R"({"servers": [)";
    for (const int count : counts) {
      text += (text.back() == '[' ? "" : ",") +
              std::string(R"({"deviceType": "v100", "devices": )") + std::to_string(count) +
              R"(, "link": "nvlink2", "ports": [{"link": "eth25"}]})";
    }
    return text + "]}";
  };
  EXPECT_EQ(CostOfPairs(servers({6}).c_str()).network_s(), 0);
  EXPECT_NEAR(CostOfPairs(servers({2, 2, 2}).c_str()).network_s(), 0, 3e-4)
      << "empty messages cross the cuts";
  const v1::Plan::Cost uneven = CostOfPairs(servers({3, 3}).c_str());
  EXPECT_GT(uneven.communication_s(), 0);
  EXPECT_NEAR(uneven.network_s(), uneven.communication_s(), 1e-12)
      << "the pair in the middle spans both servers, and all are priced as it is";
}

}  // namespace
}  // namespace automap

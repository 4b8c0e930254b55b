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

}  // namespace
}  // namespace automap

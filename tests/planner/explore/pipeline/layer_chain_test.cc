#include "planner/explore/pipeline/layer_chain.h"

#include <set>

#include "gtest/gtest.h"
#include "planner/explore/pipeline/phases.h"
#include "planner/explore/pipeline/step_costs.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

Cluster ClusterOf(const char* preset) { return *ClusterFromProto(*ClusterPreset(preset)); }

double SizeOfRole(const PreparedModule& module, Role role) {
  double bytes = 0;
  for (size_t p = 0; p < module.graph().parameters().size(); ++p) {
    if (module.roles().of[p] == role)
      bytes += module.lowering().SizeOf(module.graph().parameters()[p].tensor).value;
  }
  return bytes;
}

class Chains : public testing::TestWithParam<std::string> {};

TEST_P(Chains, HoldEveryVariableOnceAndCutWhereTheModuleSays) {
  const auto module = PrepareZoo(GetParam());
  const auto chain = ChainOfModule(*module, ClusterOf("v100x8x2-25gbps"), 2);
  ASSERT_TRUE(chain.ok()) << chain.status();
  double variables = 0;
  int32_t operations = 0;
  std::set<std::string> cuts;
  for (const Layer& layer : chain->layers) {
    variables += layer.variables.value;
    operations += layer.forward_operations;
    cuts.insert(layer.cut_after);
    EXPECT_GT(layer.forward_operations, 0);
  }
  EXPECT_NEAR(variables, SizeOfRole(*module, Role::kVariable), 1);
  EXPECT_EQ(cuts.size(), chain->layers.size());
  EXPECT_LE(chain->layers.size(), 128u);
  EXPECT_EQ(chain->layers.back().boundary.value, 0);
  const auto phases = FindPhases(module->graph(), module->roles());
  EXPECT_EQ(operations, static_cast<int32_t>(phases->slots.size()));
}

// A variable is read where its gradient is made: its update belongs to the first layer that reads
// it.
TEST_P(Chains, UpdatesGoWithTheirVariable) {
  const auto module = PrepareZoo(GetParam());
  const auto phases = FindPhases(module->graph(), module->roles());
  ASSERT_TRUE(phases.ok()) << phases.status();
  int variables = 0, at_home = 0;
  for (size_t p = 0; p < module->graph().parameters().size(); ++p) {
    if (module->roles().of[p] != Role::kVariable || phases->read_at[p].empty()) continue;
    ++variables;
    const auto& read_at = phases->read_at[p];
    const int32_t slack = static_cast<int32_t>(phases->slots.size()) / 50 + 3;
    at_home += phases->home[p] >= read_at.front() - slack && phases->home[p] <= read_at.back();
  }
  EXPECT_GT(variables, 0);
  EXPECT_GE(at_home, variables * 95 / 100) << at_home << " of " << variables;
}

TEST_P(Chains, EveryMicroBatchAddsItsGradientsToThoseBefore) {
  const auto module = PrepareZoo(GetParam());
  const Cluster cluster = ClusterOf("v100x8x1-25gbps");
  const auto costs = *StepCosts::Create(*module, cluster, 2);
  const std::vector<Layer> layers = costs->Chain().layers;
  std::vector<Seconds> operations(layers.size());
  for (NodeId node = 0; node < module->graph().node_count(); ++node) {
    if (module->lowering().HasStep(node) && costs->PartOf(node) == StepPart::kBackward)
      operations[costs->LayerOf(node)] += costs->TimeOf(0, node).fixed;
  }
  const double swept = cluster.types[0].SweepBandwidth().value;
  double gradients = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const double added = (layers[i].times[0].backward_fixed - operations[i]).value;
    EXPECT_NEAR(added, 3 * layers[i].gradients.value / swept, 1e-9) << layers[i].name;
    gradients += layers[i].gradients.value;
  }
  EXPECT_GT(gradients, 0);
  EXPECT_EQ((*StepCosts::Create(*module, cluster, 1))->AccumulationTime(0, {gradients}).value, 0);
}

INSTANTIATE_TEST_SUITE_P(Zoo, Chains,
                         testing::Values("mlp", "vgg19", "tf-vgg19", "t5-base", "t5-base-paper",
                                         "t5-small-dropout", "scan-lm-7b"),
                         [](const auto& test) { return TestName(test.param); });

TEST(ChainOfModule, SaysWhereBatchStatisticsAreThoseOfAReplica) {
  const auto mentions = [](const char* name) {
    const auto module = PrepareZoo(name);
    const LayerChain chain = *ChainOfModule(*module, ClusterOf("v100x4x2-25gbps"), 2);
    return std::any_of(chain.remarks.begin(), chain.remarks.end(), [](const std::string& remark) {
      return remark.find("batch statistics") != std::string::npos;
    });
  };
  EXPECT_TRUE(mentions("resnet50"));
  EXPECT_FALSE(mentions("vgg19"));
  EXPECT_FALSE(mentions("t5-base"));
}

TEST(ChainOfModule, KnowsTheTiedEmbeddingAndTheEncoderBeforeTheDecoder) {
  const auto module = PrepareZoo("t5-base");
  const LayerChain chain = *ChainOfModule(*module, ClusterOf("v100x8x2-25gbps"), 4);
  const auto tied = std::find_if(chain.shared.begin(), chain.shared.end(), [](const auto& shared) {
    return shared.name.find("'shared'") != std::string::npos;
  });
  ASSERT_NE(tied, chain.shared.end());
  EXPECT_LE(tied->home, 1);
  EXPECT_GE(tied->read_by.back(), static_cast<int32_t>(chain.layers.size()) - 8);
  bool in_decoder = false;
  for (const Layer& layer : chain.layers) {
    const bool is_decoder = layer.name.rfind("decoder/block", 0) == 0;
    if (in_decoder) {
      EXPECT_NE(layer.name.rfind("encoder/block", 0), 0u) << layer.name;
    }
    in_decoder = in_decoder || is_decoder;
  }
  EXPECT_TRUE(in_decoder);
}

TEST(ChainOfModule, ALoopIsOneLayer) {
  const auto module = PrepareZoo("scan-lm-7b");
  const LayerChain chain = *ChainOfModule(*module, ClusterOf("v100x8x2-25gbps"), 2);
  double largest = 0, total = 0;
  for (const Layer& layer : chain.layers) {
    largest = std::max(largest, layer.variables.value);
    total += layer.variables.value;
  }
  EXPECT_GT(largest, 0.9 * total);
}

TEST(ChainOfModule, RefusesMicroBatchesThatDoNotDivideTheBatch) {
  const auto module = PrepareZoo("vgg19");
  const auto chain = ChainOfModule(*module, ClusterOf("v100x8x2-25gbps"), 5);
  EXPECT_EQ(chain.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(chain.status().message().find("must divide the batch, 64"), absl::string_view::npos);
}

TEST(LayerName, DropsWrappersAndTheOperation) {
  EXPECT_EQ(LayerName("jit(step)/jit(main)/jvp(Model)/encoder/block/3/layer/0/mul"),
            "encoder/block/3");
  EXPECT_EQ(LayerName("jit(step)/transpose(jvp(block5_conv1))/jit(relu)/max"), "block5_conv1");
  EXPECT_EQ(LayerName("jit(step)/jit(main)/add"), "");
}

}  // namespace
}  // namespace automap

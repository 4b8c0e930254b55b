#include "planner/explore/pipeline/profile_chain.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

constexpr char kText[] =
    "node2 -- layer b -- forward_compute_time=2, backward_compute_time=4, activation_size=100, "
    "parameter_size=8.000\n"
    "node1 -- layer a -- forward_compute_time=1.5, backward_compute_time=0, activation_size=50, "
    "parameter_size=0\n"
    "node3 -- layer c -- forward_compute_time=1, backward_compute_time=1, activation_size=7, "
    "parameter_size=4\n"
    "\tnode1 -- node2\n\tnode2 -- node3\n\tnode1 -- node3\n";

TEST(ReadProfile, OrdersTextByEdgesAndCountsWhatCrossesACut) {
  const LayerChain chain = *ReadProfile(kText);
  ASSERT_EQ(chain.layers.size(), 3u);
  EXPECT_EQ(chain.layers[0].name, "layer a");
  EXPECT_DOUBLE_EQ(chain.layers[0].times[0].forward_scaled.value, 1.5e-3);
  EXPECT_DOUBLE_EQ(chain.layers[0].boundary.value, 50);
  EXPECT_DOUBLE_EQ(chain.layers[1].boundary.value, 150);  // a is read by c, too
  EXPECT_DOUBLE_EQ(chain.layers[2].boundary.value, 0);
  EXPECT_EQ(chain.batch, 0);
}

TEST(ReadProfile, ReadsJsonWithItsMicroBatch) {
  const LayerChain chain = *ReadProfile(
      R"({"microBatch": 2, "layers": [{"name": "x", "forwardS": 1, "backwardS": 2,
          "outputBytes": 3, "parameterBytes": 4}]})");
  EXPECT_EQ(chain.batch, 2);
  const LayerChain four = ChainOfMicroBatches(chain, 4);
  EXPECT_EQ(four.batch, 8);
  EXPECT_DOUBLE_EQ(four.layers[0].times[0].backward_scaled.value, 8);
  EXPECT_DOUBLE_EQ(four.layers[0].variables.value, 4);
}

TEST(ReadProfile, RefusesWithTheLineOrPath) {
  const std::pair<const char*, const char*> cases[] = {
      {"node1 -- a -- forward_compute_time=x, parameter_size=1\n", "line 1"},
      {"node1 -- a -- forward_compute_time=-1, parameter_size=1\n", "line 1"},
      {"node1 -- a -- forward_compute_time=1, parameter_size=1\n\tnode1 -- node9\n", "edges"},
      {"node1 -- a -- forward_compute_time=1, parameter_size=0\n", "parameters"},
      {R"({"layers": []})", "layers"},
      {R"({"layers": [{"name": "x", "forwardS": 1}]})", "layers[0].backwardS"},
      {R"({"layers": [{"forwardS": 1e300, "backwardS": 1, "outputBytes": 1, "parameterBytes": 1}]})",
       "layers[0].forwardS"},
  };
  for (const auto& [text, path] : cases) {
    ASSERT_TRUE(IsProfile(text)) << text;
    const auto chain = ReadProfile(text);
    EXPECT_EQ(chain.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(chain.status().message().find(path), absl::string_view::npos) << chain.status();
  }
}

TEST(IsProfile, ModulesAreNone) {
  EXPECT_FALSE(IsProfile("HloModule m\n\nENTRY main {}"));
  EXPECT_FALSE(IsProfile(R"({"name": "m", "computations": [], "layers": []})"));
  EXPECT_FALSE(IsProfile("\x1f\x8b"));
}

}  // namespace
}  // namespace automap

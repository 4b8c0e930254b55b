#include "planner/explain_parameter.h"

#include "gtest/gtest.h"
#include "planner/plan/describe_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// vgg19 on a model axis of 8: the second fully connected kernel split in its rows.
v1::Plan VggPlan() {
  const auto module = PrepareZoo("vgg19");
  Decisions decisions;
  decisions.axes.push_back({kModelAxis, 8, {}});
  const auto& names = module->roles().names;
  for (size_t p = 0; p < names.size(); ++p) {
    if (names[p] == "state['params']['fc1/bias']") {
      decisions.axes[0].splits.push_back({static_cast<int32_t>(p), 0});
    }
  }
  return *DescribePlan(*module, *ClusterPreset("v100x8x1-25gbps"), decisions, {});
}

Json Explain(const std::string& name) {
  const auto json = ExplainParameter(ZooModule("vgg19"), VggPlan(), name);
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? (*json)["axes"][0] : Json();
}

TEST(ExplainParameter, SaysFromWhichDecisionASplitFollows) {
  const Json axis = Explain("state['params']['fc2/kernel']");
  EXPECT_EQ(axis["state"], "SPLIT");
  EXPECT_EQ(axis["dim"], 0);
  ASSERT_GE(axis["chain"].size(), 2u);
  EXPECT_NE(axis["chain"].front().get<std::string>().find("(decided)"), std::string::npos);
  EXPECT_NE(axis["chain"].back().get<std::string>().find("fc2/kernel"), std::string::npos);
}

TEST(ExplainParameter, SaysOfEveryWholeDimWhy) {
  const Json axis = Explain("state['params']['predictions/bias']");
  EXPECT_EQ(axis["state"], "REPLICATED");
  ASSERT_EQ(axis["dims"].size(), 1u);
  EXPECT_EQ(axis["dims"][0]["class"], "NOT_CHOSEN");
  const Json first = Explain("state['params']['block1_conv1/kernel']");
  EXPECT_EQ(first["dims"][0]["class"], "NOT_DIVISIBLE");  // 3 x 3 x 3 x 64
  EXPECT_EQ(first["dims"][3]["class"], "NOT_CHOSEN");
}

// fc1's columns are split, so the rows of the next kernel are; its columns cannot be on top.
TEST(ExplainParameter, NamesTheConflictWithWhatThePlanSplits) {
  const Json axis = Explain("state['params']['fc1/kernel']");
  EXPECT_EQ(axis["state"], "SPLIT");
  EXPECT_EQ(axis["dim"], 1);
  const Json next = Explain("state['params']['fc2/bias']")["dims"][0];
  EXPECT_EQ(next["class"], "TWO_FACTORS");
  EXPECT_EQ(next["chains"].size(), 2u);
  const Json conv = Explain("state['params']['block5_conv4/kernel']");
  EXPECT_EQ(conv["dims"][3]["class"], "NEEDS_WHOLE");
  EXPECT_EQ(conv["dims"][3]["chains"].size(), 1u);
}

TEST(ExplainParameter, RefusesNamesThatAreNotThere) {
  const auto json = ExplainParameter(ZooModule("vgg19"), VggPlan(), "nobody");
  EXPECT_EQ(json.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(json.status().message().find("automap inspect"), std::string::npos);
}

}  // namespace
}  // namespace automap

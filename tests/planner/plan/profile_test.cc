#include "planner/plan/profile.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "planner/plan/prepared_module.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "simulator/evaluate.h"

namespace automap {
namespace {

constexpr char kModule[] = R"(HloModule step

ENTRY main {
  x = f32[512,256]{1,0} parameter(0)
  w = f32[256,256]{1,0} parameter(1)
  dot.1 = f32[512,256]{1,0} dot(x, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="jit(step)/jvp(Net)/block/1/dot"}
  dot.2 = f32[512,256]{1,0} dot(dot.1, w), lhs_contracting_dims={1}, rhs_contracting_dims={1}, metadata={op_name="jit(step)/transpose(jvp(Net))/block/1/dot"}
  dot.3 = f32[512,256]{1,0} dot(dot.2, w), lhs_contracting_dims={1}, rhs_contracting_dims={0}, metadata={op_name="jit(step)/jvp(Net)/block/12/dot"}
  ROOT exp = f32[512,256]{1,0} exponential(dot.3)
})";

google::protobuf::RepeatedPtrField<v1::ProfileEntry> Entries(
    const std::vector<std::tuple<const char*, double, double>>& rows) {
  google::protobuf::RepeatedPtrField<v1::ProfileEntry> entries;
  for (const auto& [match, forward, backward] : rows) {
    v1::ProfileEntry& entry = *entries.Add();
    entry.set_match(match);
    entry.set_forward_s(forward);
    entry.set_backward_s(backward);
  }
  return entries;
}

// Seconds of each instruction with a step, by its order.
absl::StatusOr<std::vector<double>> TimesWith(
    const google::protobuf::RepeatedPtrField<v1::ProfileEntry>& profile) {
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x1x1-25gbps"));
  auto module = PreparedModule::CreateWithProfile(kModule, {}, profile, cluster);
  if (!module.ok()) return module.status();
  const CostModel model = *CostModel::Create(cluster, {});
  std::vector<double> times;
  for (const Step& step : (*module)->lowering().Lower({}).steps)
    times.push_back(model.StepTime(std::get<ComputeStep>(step)).value);
  return times;
}

TEST(Profile, AnInstructionTakesItsMeasuredTime) {
  const auto plain = *TimesWith({}), measured = *TimesWith(Entries({{"main/dot.1", 0.5, 0}}));
  EXPECT_DOUBLE_EQ(measured[0], 0.5);
  EXPECT_EQ(measured[1], plain[1]);
}

TEST(Profile, ALayerSharesForwardAndBackward) {
  const auto times = *TimesWith(Entries({{"layer:block/1", 0.25, 0.75}}));
  EXPECT_DOUBLE_EQ(times[0], 0.25);
  EXPECT_DOUBLE_EQ(times[1], 0.75) << "transpose( is the backward pass";
  EXPECT_LT(times[2], 0.1) << "block/12 is another layer";
}

TEST(Profile, AnOpcodeSharesByModelledTime) {
  const auto times = *TimesWith(Entries({{"opcode:dot", 1, 2}}));
  EXPECT_DOUBLE_EQ(times[0] + times[2], 1);
  EXPECT_DOUBLE_EQ(times[1], 2);
}

TEST(Profile, TheMostSpecificMatchWins) {
  const auto times = *TimesWith(Entries({{"main/dot.1", 7, 0},
                                         {"opcode:dot", 1, 2},
                                         {"layer:block/1", 3, 4},
                                         {"layer:block", 5, 6}}));
  EXPECT_DOUBLE_EQ(times[0], 7);
  EXPECT_DOUBLE_EQ(times[1], 4);
}

TEST(Profile, RefusesWhatItCannotPlace) {
  const std::pair<const char*, google::protobuf::RepeatedPtrField<v1::ProfileEntry>> cases[] = {
      {"profile[1].match: \"main/dot.9\"", Entries({{"dot.1", 1, 0}, {"main/dot.9", 1, 0}})},
      {"profile[0].match: \"layer:block/2\"", Entries({{"layer:block/2", 1, 0}})},
      {"profile[0].match: \"opcode:dott\"", Entries({{"opcode:dott", 1, 0}})},
      {"profile[0].forward_s: -1", Entries({{"dot.1", -1, 0}})},
      {"profile[0].backward_s: nan", Entries({{"dot.1", 1, std::nan("")}})},
      {"profile[0].forward_s: 0", Entries({{"dot.1", 0, 0}})},
  };
  for (const auto& [text, profile] : cases) {
    const auto times = TimesWith(profile);
    EXPECT_EQ(times.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_TRUE(absl::StrContains(times.status().message(), text)) << times.status();
  }
}

}  // namespace
}  // namespace automap

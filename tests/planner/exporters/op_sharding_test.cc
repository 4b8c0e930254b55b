#include "planner/exporters/op_sharding.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

struct Case {
  const char* name;
  MeshSharding sharding;
  const char* text;  // tiles and devices as XLA prints them
};

const Case kCases[] = {
    {"Replicated", {{8}, {{}, {}}}, "replicated"},
    {"OneAxis", {{8}, {{}, {0}}}, "[1,8]<=[8]"},
    {"MajorAxisOfTwo", {{2, 4}, {{0}, {}}}, "[2,1,4]<=[8] copies"},
    {"MinorAxisOfTwo", {{2, 4}, {{1}, {}}}, "[4,1,2]<=[2,4]T(1,0) copies"},
    {"BothAxesInOrder", {{2, 4}, {{0}, {1}}}, "[2,4]<=[8]"},
    {"BothAxesTurned", {{2, 4}, {{1}, {0}}}, "[4,2]<=[2,4]T(1,0)"},
    {"TwoAxesOnOneDim", {{2, 4}, {{}, {0, 1}}}, "[1,8]<=[8]"},
    {"TwoOfThree", {{2, 2, 2}, {{0, 2}}}, "[4,2]<=[2,2,2]T(0,2,1) copies"},
};

std::string Text(const xla::OpSharding& sharding) {
  if (sharding.type() == xla::OpSharding::REPLICATED) return "replicated";
  const auto list = [](const auto& values) {
    std::string text;
    for (const auto value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
    return text;
  };
  std::string text = "[" + list(sharding.tile_assignment_dimensions()) + "]<=[" +
                     list(sharding.iota_reshape_dims()) + "]";
  if (sharding.iota_transpose_perm_size() > 1) {
    text += "T(" + list(sharding.iota_transpose_perm()) + ")";
  }
  return text + (sharding.replicate_on_last_tile_dim() ? " copies" : "");
}

class OpShardingTest : public testing::TestWithParam<Case> {};

TEST_P(OpShardingTest, IsWhatXlaWrites) {
  EXPECT_EQ(Text(ToOpSharding(GetParam().sharding)), GetParam().text);
}

TEST_P(OpShardingTest, ReadsBack) {
  const MeshSharding& sharding = GetParam().sharding;
  const auto read =
      FromOpSharding(ToOpSharding(sharding), sharding.dim_axes.size(), sharding.axis_sizes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->dim_axes, sharding.dim_axes);
}

INSTANTIATE_TEST_SUITE_P(Table, OpShardingTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

TEST(FromOpSharding, ReadsExplicitDevices) {
  xla::OpSharding proto;
  proto.set_type(xla::OpSharding::OTHER);
  proto.add_tile_assignment_dimensions(4);
  for (const int device : {0, 1, 2, 3}) proto.add_tile_assignment_devices(device);
  EXPECT_EQ(FromOpSharding(proto, 1, {4})->dim_axes, (std::vector<std::vector<int32_t>>{{0}}));
}

TEST(FromOpSharding, RefusesWhatTheMeshCannotSay) {
  xla::OpSharding proto = ToOpSharding({{8}, {{0}}});
  EXPECT_FALSE(FromOpSharding(proto, 1, {4}).ok());
  EXPECT_FALSE(FromOpSharding(proto, 2, {8}).ok());
  proto.add_iota_transpose_perm(99);
  EXPECT_FALSE(FromOpSharding(proto, 1, {8}).ok());
}

}  // namespace
}  // namespace automap

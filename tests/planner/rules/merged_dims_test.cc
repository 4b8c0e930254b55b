#include "planner/rules/merged_dims.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/support/hlo_text.h"

namespace automap {
namespace {

Graph Reshape(const std::vector<int64_t>& from, const std::vector<int64_t>& to) {
  return GraphFromText(absl::StrCat("HloModule m\n\nENTRY main {\n  p = f32[",
                                    absl::StrJoin(from, ","), "] parameter(0)\n  ROOT r = f32[",
                                    absl::StrJoin(to, ","), "] reshape(p)\n}\n"));
}

TEST(MergedDims, OfASequenceFirstMerge) {
  const Graph graph = Reshape({128, 16, 64}, {2048, 64});
  EXPECT_EQ(MergedDimsOf(graph, 0), (std::vector<MergedDims>{{1, 0, 1, 128, 16}}));
}

TEST(MergedDims, OfASequenceFirstSplit) {
  const Graph graph = Reshape({2048, 64}, {128, 16, 64});
  EXPECT_EQ(MergedDimsOf(graph, 0), (std::vector<MergedDims>{{0, 1, 128, 1, 16}}));
}

TEST(MergedDims, LeaveOutWhatBothSidesHaveAsMajor) {
  EXPECT_TRUE(MergedDimsOf(Reshape({8, 4}, {8, 2, 2}), 0) ==
              (std::vector<MergedDims>{{1, 2, 2, 1, 2}}));
  EXPECT_TRUE(MergedDimsOf(Reshape({8, 4}, {8, 1, 4}), 0).empty());
  EXPECT_TRUE(MergedDimsOf(Reshape({6, 5}, {10, 3}), 0).empty());
  EXPECT_TRUE(MergedDimsOf(Reshape({0, 5}, {5, 0}), 0).empty());
}

// Positions in memory that the first of `parts` blocks of a dim seen as [outer, rest] holds.
std::vector<int64_t> Block(const std::vector<int64_t>& dims, int32_t dim, int64_t outer,
                           int64_t parts) {
  int64_t before = outer, inner = 1;
  for (int32_t i = 0; i < dim; ++i) before *= dims[i];
  for (size_t i = dim + 1; i < dims.size(); ++i) inner *= dims[i];
  const int64_t rest = dims[dim] / outer;
  std::vector<int64_t> positions;
  for (int64_t b = 0; b < before; ++b) {
    for (int64_t i = 0; i < rest / parts * inner; ++i) positions.push_back(b * rest * inner + i);
  }
  return positions;
}

TEST(MergedDims, HoldTheSameElementsOnBothSides) {
  std::mt19937 random(1);
  int checked = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<int64_t> pieces(1 + random() % 5);
    for (int64_t& piece : pieces) piece = 1 + random() % 6;
    const auto merge = [&] {
      std::vector<int64_t> dims = {1};
      for (const int64_t piece : pieces) {
        if (random() % 2 == 0) dims.push_back(1);
        dims.back() *= piece;
      }
      return dims;
    };
    const std::vector<int64_t> from = merge(), to = merge();
    for (const MergedDims& merged : MergedDimsOf(Reshape(from, to), 0)) {
      for (int64_t parts = 2; parts <= merged.size; ++parts) {
        if (merged.size % parts != 0) continue;
        EXPECT_EQ(Block(from, merged.operand_dim, merged.operand_outer, parts),
                  Block(to, merged.result_dim, merged.result_outer, parts));
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 1000);
}

}  // namespace
}  // namespace automap

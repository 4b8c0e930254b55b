// Copies are told by a mapping; what fingerprints say is not believed.
#include "planner/propagation/isomorphism.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/hlo_text.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr auto kWeak = [](const Piece&) -> uint64_t { return 0; };

// The group of each input's dim 0 at axis size 2, and the number of its structure.
struct Numbered {
  std::vector<LinkageGroup> groups;
  std::vector<int32_t> weak, strong;
};

Numbered NumbersOf(const std::string& body) {
  const Graph graph = GraphFromText(absl::StrCat("HloModule m\n\nENTRY main {\n", body, "\n}\n"));
  std::vector<GivenRole> given;
  for (const Leaf& leaf : graph.parameters())
    given.push_back({leaf.number, Role::kVariable, "", {}});
  const Roles roles = *InferRoles(graph, given);
  const Wiring wiring(graph, roles);
  Numbered numbered;
  std::vector<Piece> pieces;
  numbered.groups = FindLinkageGroups(wiring, roles, Role::kVariable, {2, {}}).groups;
  for (const LinkageGroup& group : numbered.groups)
    pieces.push_back({group.factors, group.outers, group.tensors, group.cuts});
  numbered.weak = NumberStructures(wiring, pieces, kWeak);
  numbered.strong = NumberStructures(wiring, pieces);
  return numbered;
}

// By structure number, how many groups have it, in the order of the numbers.
std::vector<int> Copies(const std::vector<int32_t>& numbers) {
  std::map<int32_t, int> count;
  for (const int32_t number : numbers) ++count[number];
  std::vector<int> copies;
  for (const auto& [number, size] : count) copies.push_back(size);
  return copies;
}

// Vectors of 4, one chain of operations each; the third dim of the table is how they differ.
struct Case {
  const char* name;
  const char* body;
  std::vector<int> copies;
};

const Case kCases[] = {
    {"TheSameChainTwice",
     R"(a = f32[4] parameter(0) b = f32[4] parameter(1)
  c = f32[4] negate(a) d = f32[4] negate(b) e = f32[4] exponential(c) f = f32[4] exponential(d)
  ROOT r = (f32[4], f32[4]) tuple(e, f))",
     {2}},
    {"TheSameOperationsInAnotherOrder",
     R"(a = f32[4] parameter(0) b = f32[4] parameter(1)
  c = f32[4] negate(a) d = f32[4] exponential(b) e = f32[4] exponential(c) f = f32[4] negate(d)
  ROOT r = (f32[4], f32[4]) tuple(e, f))",
     {1, 1}},
    {"TheOtherOperandPlace",
     R"(a = f32[4] parameter(0) b = f32[4] parameter(1) k = f32[] constant(2)
  m = f32[4] broadcast(k), dimensions={} c = f32[4] subtract(a, m) d = f32[4] subtract(m, b)
  ROOT r = (f32[4], f32[4]) tuple(c, d))",
     {1, 1}},
    {"AnotherAttribute",
     R"(a = f32[4,8] parameter(0) b = f32[4,8] parameter(1)
  c = f32[4,4] slice(a), slice={[0:4],[0:4]} d = f32[4,4] slice(b), slice={[0:4],[4:8]}
  ROOT r = (f32[4,4], f32[4,4]) tuple(c, d))",
     {1, 1}},
    {"OneRingOfFourAndTwoOfTwo",
     R"(a = f32[4] parameter(0) b = f32[4] parameter(1)
  a1 = f32[4] negate(a) a2 = f32[4] negate(a) a3 = f32[4] negate(a) a4 = f32[4] negate(a)
  a5 = f32[4] add(a1, a2) a6 = f32[4] add(a2, a3) a7 = f32[4] add(a3, a4) a8 = f32[4] add(a4, a1)
  b1 = f32[4] negate(b) b2 = f32[4] negate(b) b3 = f32[4] negate(b) b4 = f32[4] negate(b)
  b5 = f32[4] add(b1, b2) b6 = f32[4] add(b2, b1) b7 = f32[4] add(b3, b4) b8 = f32[4] add(b4, b3)
  ROOT r = (f32[4], f32[4], f32[4], f32[4], f32[4], f32[4], f32[4], f32[4])
    tuple(a5, a6, a7, a8, b5, b6, b7, b8))",
     {1, 1}},
    {"AnArrayReadTwiceAndTwoReadOnce",
     R"(a = f32[4] parameter(0) b = f32[4] parameter(1)
  a1 = f32[4] negate(a) a2 = f32[4] negate(a) a3 = f32[4] add(a1, a1) a4 = f32[4] add(a2, a2)
  b1 = f32[4] negate(b) b2 = f32[4] negate(b) b3 = f32[4] add(b1, b2) b4 = f32[4] add(b2, b1)
  ROOT r = (f32[4], f32[4], f32[4], f32[4]) tuple(a3, a4, b3, b4))",
     {1, 1}},
};

class Isomorphism : public testing::TestWithParam<Case> {};

TEST_P(Isomorphism, DecidesWhateverTheFingerprintSays) {
  const Numbered numbered = NumbersOf(GetParam().body);
  EXPECT_EQ(Copies(numbered.weak), GetParam().copies);
  EXPECT_EQ(Copies(numbered.strong), GetParam().copies);
}

INSTANTIATE_TEST_SUITE_P(Cases, Isomorphism, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

// With a fingerprint that tells nothing apart, the mapping alone finds the same copies in real
// models as with a good one, and those that are folded are of equal size.
class IsomorphismOfZoo : public testing::TestWithParam<std::string> {};

TEST_P(IsomorphismOfZoo, AWeakFingerprintChangesNothing) {
  const auto module = PrepareZoo(GetParam());
  for (const Role role : {Role::kVariable, Role::kInput}) {
    const LinkageGroups found = FindLinkageGroups(module->wiring(), module->roles(), role, {4, {}});
    std::vector<Piece> pieces;
    for (const LinkageGroup& group : found.groups)
      pieces.push_back({group.factors, group.outers, group.tensors, group.cuts});
    const std::vector<int32_t> weak = NumberStructures(module->wiring(), pieces, kWeak);
    for (size_t g = 0; g < pieces.size(); ++g) EXPECT_EQ(weak[g], found.groups[g].structure) << g;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, IsomorphismOfZoo,
                         testing::Values("mlp", "vgg19", "resnet50", "scan-lm-7b",
                                         "t5-small-dropout", "bert-48"),
                         [](const auto& test) { return TestName(test.param); });

}  // namespace
}  // namespace automap

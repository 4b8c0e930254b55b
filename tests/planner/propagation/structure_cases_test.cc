// Opcodes that are no operations: other names of arrays, computations that are entered, loops and
// branches. Each with a legal split and a conflict through it.
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "planner/propagation/propagation.h"
#include "planner/rules/catalog.h"
#include "tests/support/hlo_text.h"

namespace automap {
namespace {

// Decisions are "parameter:dim", results "output:dim", where - is whole.
struct Case {
  const char* name;
  const char* opcodes;
  const char* text;
  const char* decided;
  const char* results;
  // More decisions on top of `decided`, the last of which conflicts.
  const char* conflicting;
  ConflictClass kind;
};

constexpr char kBodies[] = R"(
double_it { a = f32[4,8] parameter(0)
  ROOT b = f32[4,8] add(a, a) }
product { a = f32[4,8] parameter(0)
  b = f32[4,8] parameter(1)
  ROOT c = f32[4,8] multiply(a, b) }
turn { a = f32[8,8] parameter(0)
  ROOT b = f32[8,8] transpose(a), dimensions={1,0} }
keep { a = f32[8,8] parameter(0)
  ROOT b = f32[8,8] copy(a) }
body { t = (s32[], f32[4,8], f32[4,8]) parameter(0)
  i = s32[] get-tuple-element(t), index=0
  x = f32[4,8] get-tuple-element(t), index=1
  y = f32[4,8] get-tuple-element(t), index=2
  one = s32[] constant(1)
  j = s32[] add(i, one)
  z = f32[4,8] multiply(x, y)
  ROOT u = (s32[], f32[4,8], f32[4,8]) tuple(j, z, y) }
turning_body { t = (s32[], f32[8,8]) parameter(0)
  i = s32[] get-tuple-element(t), index=0
  x = f32[8,8] get-tuple-element(t), index=1
  one = s32[] constant(1)
  j = s32[] add(i, one)
  y = f32[8,8] transpose(x), dimensions={1,0}
  ROOT u = (s32[], f32[8,8]) tuple(j, y) }
below { t = (s32[], f32[4,8], f32[4,8]) parameter(0)
  i = s32[] get-tuple-element(t), index=0
  n = s32[] constant(3)
  ROOT c = pred[] compare(i, n), direction=LT }
turning_below { t = (s32[], f32[8,8]) parameter(0)
  i = s32[] get-tuple-element(t), index=0
  n = s32[] constant(3)
  ROOT c = pred[] compare(i, n), direction=LT }
sum { a = f32[] parameter(0)
  b = f32[] parameter(1)
  ROOT c = f32[] add(a, b) }
)";

const Case kCases[] = {
    {"AParameterThatIsReturned", "parameter",
     "p = f32[4,8] parameter(0) q = f32[4,8] parameter(1) ROOT r = f32[4,8] add(p, q)", "0:0",
     "0:0", "0:1", ConflictClass::kOtherDim},
    {"TupleElementsAreTheArrays", "tuple get-tuple-element",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  t = (f32[4,8], f32[4,8]) tuple(q, p) x = f32[4,8] get-tuple-element(t), index=1
  y = f32[4,8] negate(x) ROOT r = (f32[4,8], f32[4,8]) tuple(y, q))",
     "0:1", "0:1 1:-", "0:0", ConflictClass::kOtherDim},
    {"NestedTuplesKeepTheirLeavesApart", "tuple get-tuple-element",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  t = (f32[4,8], f32[4,8]) tuple(p, q) u = ((f32[4,8], f32[4,8]), f32[4,8]) tuple(t, q)
  x = (f32[4,8], f32[4,8]) get-tuple-element(u), index=0
  y = f32[4,8] get-tuple-element(x), index=0 z = f32[4,8] get-tuple-element(x), index=1
  v = f32[4,8] add(y, z) ROOT r = (f32[4,8], f32[4,8]) tuple(v, z))",
     "0:1", "0:1 1:-", "1:0", ConflictClass::kTwoFactors},
    {"BarriersAreNothing", "opt-barrier",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  t = (f32[4,8], f32[4,8]) tuple(p, q) u = (f32[4,8], f32[4,8]) opt-barrier(t)
  x = f32[4,8] get-tuple-element(u), index=0 y = f32[4,8] get-tuple-element(u), index=1
  z = f32[4,8] multiply(x, y) ROOT r = (f32[4,8], f32[4,8]) tuple(z, y))",
     "0:0", "0:0 1:-", "1:1", ConflictClass::kTwoFactors},
    {"DomainsAndDependenciesAreNothing", "domain add-dependency",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1) k = token[] after-all()
  x = f32[4,8] domain(p) y = f32[4,8] add-dependency(q, k)
  ROOT z = f32[4,8] multiply(x, y))",
     "0:0", "0:0", "1:1", ConflictClass::kTwoFactors},
    {"CallsAreEntered", "call",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  x = f32[4,8] call(p), to_apply=double_it ROOT z = f32[4,8] call(x, q), to_apply=product)",
     "0:0", "0:0", "1:1", ConflictClass::kTwoFactors},
    {"CallSitesAreIndependent", "call",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  x = f32[4,8] call(p), to_apply=double_it y = f32[4,8] call(q), to_apply=double_it
  z = f32[4,8] multiply(x, y)
  ROOT r = (f32[4,8], f32[4,8], f32[4,8]) tuple(x, y, z))",
     "0:0", "0:0 1:- 2:0", "1:1", ConflictClass::kTwoFactors},
    {"FusionsAreEntered", "fusion",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  ROOT z = f32[4,8] fusion(p, q), kind=kLoop, calls=product)",
     "1:1", "0:1", "0:0", ConflictClass::kTwoFactors},
    {"StartedCallsAreEntered", "async-start async-update async-done",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  s = ((f32[4,8], f32[4,8]), f32[4,8], s32[]) async-start(p, q), calls=product
  u = ((f32[4,8], f32[4,8]), f32[4,8], s32[]) async-update(s), calls=product
  ROOT z = f32[4,8] async-done(u), calls=product)",
     "0:1", "0:1", "1:0", ConflictClass::kTwoFactors},
    {"LoopsCarryOneSplit", "while",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1) i = s32[] constant(0)
  t = (s32[], f32[4,8], f32[4,8]) tuple(i, p, q)
  w = (s32[], f32[4,8], f32[4,8]) while(t), condition=below, body=body
  x = f32[4,8] get-tuple-element(w), index=1 y = f32[4,8] get-tuple-element(w), index=2
  ROOT r = (f32[4,8], f32[4,8]) tuple(x, y))",
     "0:0", "0:0 1:-", "1:1", ConflictClass::kTwoFactors},
    {"WhatALoopReadsSplitsWhatItCarries", "while",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1) i = s32[] constant(0)
  t = (s32[], f32[4,8], f32[4,8]) tuple(i, p, q)
  w = (s32[], f32[4,8], f32[4,8]) while(t), condition=below, body=body
  x = f32[4,8] get-tuple-element(w), index=1 y = f32[4,8] get-tuple-element(w), index=2
  ROOT r = (f32[4,8], f32[4,8]) tuple(x, y))",
     "1:1", "0:1 1:1", "0:0", ConflictClass::kOtherDim},
    {"ALoopThatTurnsWhatItCarriesCannotBeSplit", "while",
     R"(p = f32[8,8] parameter(0) q = f32[8,8] parameter(1) i = s32[] constant(0)
  t = (s32[], f32[8,8]) tuple(i, p)
  w = (s32[], f32[8,8]) while(t), condition=turning_below, body=turning_body
  x = f32[8,8] get-tuple-element(w), index=1 ROOT r = (f32[8,8], f32[8,8]) tuple(x, q))",
     "1:0", "0:- 1:0", "0:0", ConflictClass::kOtherDim},
    {"BranchesAgreeOnTheirResult", "conditional",
     R"(p = f32[8,8] parameter(0) q = f32[8,8] parameter(1) c = pred[] parameter(2)
  ROOT r = f32[8,8] conditional(c, p, q), true_computation=turn, false_computation=keep)",
     "0:0", "0:1", "1:0", ConflictClass::kOtherDim},
    {"BranchesByNumberAgreeOnTheirResult", "conditional",
     R"(p = f32[8,8] parameter(0) q = f32[8,8] parameter(1) c = s32[] parameter(2)
  ROOT r = f32[8,8] conditional(c, p, q), branch_computations={turn, turn})",
     "1:1", "0:0", "0:0", ConflictClass::kOtherDim},
    {"CopiesInHalves", "copy-done",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  s = (f32[4,8], f32[4,8], u32[]) copy-start(p) d = f32[4,8] copy-done(s)
  ROOT r = f32[4,8] add(d, q))",
     "0:0", "0:0", "1:1", ConflictClass::kTwoFactors},
    {"AllReducesInHalves", "all-reduce-done",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  s = f32[4,8] all-reduce-start(p), to_apply=sum d = f32[4,8] all-reduce-done(s)
  ROOT r = f32[4,8] add(d, q))",
     "0:0", "0:0", "1:1", ConflictClass::kTwoFactors},
    {"AllGathersInHalves", "all-gather-done",
     R"(p = f32[4,8] parameter(0) q = f32[8,8] parameter(1)
  s = (f32[4,8], f32[8,8]) all-gather-start(p), dimensions={0} d = f32[8,8] all-gather-done(s)
  ROOT r = f32[8,8] add(d, q))",
     "0:1", "0:1", "0:0", ConflictClass::kOtherDim},
    {"PermutesInHalves", "collective-permute-done",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1)
  s = (f32[4,8], f32[4,8], u32[], u32[]) collective-permute-start(p), source_target_pairs={{0,1}}
  d = f32[4,8] collective-permute-done(s) ROOT r = f32[4,8] add(d, q))",
     "0:1", "0:1", "1:0", ConflictClass::kTwoFactors},
    {"WhatIsSentIsWhole", "send-done",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1) k = token[] after-all()
  s = (f32[4,8], u32[], token[]) send(p, k), channel_id=1
  d = token[] send-done(s), channel_id=1 ROOT r = f32[4,8] negate(q))",
     "1:1", "0:1", "0:0", ConflictClass::kNeedsWhole},
    {"WhatIsReceivedIsWholeAndSlicedForNothing", "recv-done",
     R"(p = f32[4,8] parameter(0) q = f32[4,8] parameter(1) k = token[] after-all()
  s = (f32[4,8], u32[], token[]) recv(k), channel_id=1
  d = (f32[4,8], token[]) recv-done(s), channel_id=1
  x = f32[4,8] get-tuple-element(d), index=0 y = f32[4,8] add(x, q)
  ROOT r = f32[4,8] multiply(y, p))",
     "1:1", "0:1", "0:0", ConflictClass::kTwoFactors},
};

Roles NoRoles(const Graph& graph) {
  Roles roles;
  roles.of.assign(graph.parameters().size(), Role::kVariable);
  roles.updated_parameter.assign(graph.outputs().size(), -1);
  return roles;
}

// "0:1 1:-" as pairs; - is -1.
std::vector<std::pair<int32_t, int32_t>> Pairs(absl::string_view text) {
  std::vector<std::pair<int32_t, int32_t>> pairs;
  for (const absl::string_view item : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::vector<std::string> sides = absl::StrSplit(item, ':');
    auto& [index, dim] = pairs.emplace_back(-1, -1);
    EXPECT_TRUE(absl::SimpleAtoi(sides[0], &index));
    if (sides[1] != "-") {
      EXPECT_TRUE(absl::SimpleAtoi(sides[1], &dim));
    }
  }
  return pairs;
}

class StructureCase : public testing::TestWithParam<Case> {
 protected:
  std::optional<Conflict> Decide(Propagation& state, absl::string_view decisions) const {
    std::optional<Conflict> conflict;
    for (const auto& [parameter, dim] : Pairs(decisions)) {
      EXPECT_FALSE(conflict);
      conflict = state.Split({graph_.parameters()[parameter].tensor, dim});
    }
    return conflict;
  }

  const Graph graph_ = GraphFromText(absl::StrCat(kBodies, "ENTRY main { ", GetParam().text, " }"));
  const Roles roles_ = NoRoles(graph_);
  const Wiring wiring_{graph_, roles_};
  const PropagationOptions options_ = {.axis_size = 4, .semantics = {}};
};

TEST_P(StructureCase, LetsALegalSplitThrough) {
  Propagation state(wiring_, options_);
  ASSERT_FALSE(Decide(state, GetParam().decided));
  for (const auto& [output, dim] : Pairs(GetParam().results)) {
    EXPECT_EQ(state.split_dim(graph_.outputs()[output].tensor), dim) << output;
  }
}

TEST_P(StructureCase, RefusesAConflict) {
  Propagation state(wiring_, options_);
  ASSERT_FALSE(Decide(state, GetParam().decided));
  const auto conflict = Decide(state, GetParam().conflicting);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(Cases, StructureCase, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(StructureCases, CoverEveryOpcodeWithoutARule) {
  std::set<std::string> covered;
  for (const Case& it : kCases) {
    for (const absl::string_view name : absl::StrSplit(it.opcodes, ' ')) {
      covered.emplace(name);
    }
  }
  for (int opcode = 0; opcode < kOpcodeCount; ++opcode) {
    const Opcode it = static_cast<Opcode>(opcode);
    const bool is_structure = !HasRule(it) || it == Opcode::kWhile || it == Opcode::kConditional;
    EXPECT_TRUE(!is_structure || covered.contains(std::string(OpcodeName(it)))) << OpcodeName(it);
  }
}

}  // namespace
}  // namespace automap

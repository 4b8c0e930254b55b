#include "planner/rules/catalog.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/hlo_text.h"
#include "tests/support/rule_cases.h"

namespace automap {
namespace {

// Writes a rule as the cases do.
std::string Text(const Graph& graph, NodeId node) {
  const FactorRule rule = RuleFor(graph, node);
  std::vector<int> order(rule.factors.size(), -1);
  int next = 0;
  size_t position = 0;
  const auto slot = [&](TensorId tensor) {
    std::string text;
    for (int dim = 0; dim < graph.tensor(tensor).rank; ++dim) {
      const int16_t factor = rule.dims[position++];
      if (factor == kWhole) {
        text += '#';
        continue;
      }
      if (order[factor] < 0) order[factor] = next++;
      const char letter = static_cast<char>(
          (rule.factors[factor].kind == FactorKind::kSum ? 'A' : 'a') + order[factor]);
      text += letter;
      if (rule.factors[factor].kind == FactorKind::kHalo) text += '~';
    }
    return text.empty() ? std::string(".") : text;
  };
  std::string text;
  for (const TensorId operand : graph.operands(node))
    absl::StrAppend(&text, text.empty() ? "" : ",", slot(operand));
  text += "->";
  bool first = true;
  for (const TensorId result : graph.results(node)) {
    absl::StrAppend(&text, first ? "" : ",", slot(result));
    first = false;
  }
  return text;
}

class Rules : public testing::TestWithParam<RuleCase> {};

TEST_P(Rules, AreAsWritten) {
  const Graph graph = GraphFromText(ModuleOf(GetParam()));
  EXPECT_EQ(Text(graph, graph.node_count() - 1), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Catalog, Rules, testing::ValuesIn(RuleCases()), [](const auto& test) {
  std::string name;
  for (const char c : test.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
});

TEST(RuleCases, CoverEveryOpcodeThatIsANode) {
  std::set<Opcode> covered = {Opcode::kWhile, Opcode::kConditional};  // structure_test.cc
  for (const RuleCase& it : RuleCases()) {
    const Graph graph = GraphFromText(ModuleOf(it));
    covered.insert(graph.node(graph.node_count() - 1).opcode);
  }
  for (int opcode = 0; opcode < kOpcodeCount; ++opcode) {
    const Opcode it = static_cast<Opcode>(opcode);
    EXPECT_TRUE(covered.contains(it) || !HasRule(it)) << OpcodeName(it) << " has no case";
  }
}

// Every opcode is described by a rule, or is no node at all (another name of tensors, or entered).
TEST(Catalog, CoversEveryOpcode) {
  const std::set<Opcode> names = {
      Opcode::kParameter,     Opcode::kTuple,         Opcode::kGetTupleElement,
      Opcode::kCall,          Opcode::kFusion,        Opcode::kOptBarrier,
      Opcode::kDomain,        Opcode::kAddDependency, Opcode::kAsyncStart,
      Opcode::kAsyncUpdate,   Opcode::kAsyncDone,     Opcode::kAllGatherDone,
      Opcode::kAllReduceDone, Opcode::kCopyDone,      Opcode::kCollectivePermuteDone,
      Opcode::kSendDone,      Opcode::kRecvDone};
  for (int opcode = 0; opcode < kOpcodeCount; ++opcode) {
    const Opcode it = static_cast<Opcode>(opcode);
    EXPECT_NE(HasRule(it), names.contains(it)) << OpcodeName(it);
  }
}

TEST(IsUnsupported, TellsOperationsWithoutARule) {
  const Graph graph = GraphFromText(
      "ENTRY e { a = f32[4] parameter(0) b = f32[4] negate(a) ROOT c = f32[4] no-such-opcode(b) }");
  EXPECT_FALSE(IsUnsupported(graph, 0));
  EXPECT_TRUE(IsUnsupported(graph, 1));
}

}  // namespace
}  // namespace automap

// Every rule case as propagation sees it: each kind of factor is split legally, and each conflict
// has its class.
#include "tests/support/rule_cases.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "planner/propagation/propagation.h"
#include "tests/support/hlo_text.h"

namespace automap {
namespace {

// A dim of an operand or a result with its letter in the case: lower case with the kind apart.
struct Mark {
  TensorDim place;
  char letter = '#';
  bool is_sum = false, is_halo = false;
};

std::vector<Mark> MarksOf(absl::Span<const TensorId> tensors, absl::string_view text) {
  std::vector<Mark> marks;
  size_t slot = 0;
  for (const absl::string_view letters : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    int32_t dim = 0;
    for (const char c : letters) {
      if (c == '~') marks.back().is_halo = true;
      if (c == '~' || c == '.') continue;
      const bool is_sum = c >= 'A' && c <= 'Z';
      marks.push_back(
          {{tensors[slot], dim++}, is_sum ? static_cast<char>(c - 'A' + 'a') : c, is_sum, false});
    }
    ++slot;
  }
  EXPECT_EQ(slot, tensors.size());
  return marks;
}

class RuleCaseSplits : public testing::TestWithParam<RuleCase> {
 protected:
  RuleCaseSplits() {
    const std::vector<std::string> sides = absl::StrSplit(GetParam().expected, "->");
    operands_ = MarksOf(graph_.operands(node_), sides[0]);
    results_ = MarksOf(graph_.results(node_), sides[1]);
    // Only what the operation alone reads can be decided without side effects.
    std::erase_if(operands_, [&](const Mark& mark) {
      return graph_.readers(mark.place.tensor).size() > 1 ||
             graph_.tensor(mark.place.tensor).producer >= 0;
    });
  }

  static Roles NoRoles(const Graph& graph) {
    Roles roles;
    roles.of.assign(graph.parameters().size(), Role::kVariable);
    roles.updated_parameter.assign(graph.outputs().size(), -1);
    return roles;
  }

  // A size of the axis that divides every dim with the letter and every factor, or 0.
  int64_t AxisFor(const Mark& mark) const {
    const Wiring::Use& use = wiring_.uses(mark.place.tensor)[0];
    const FactorId factor = wiring_.factor_of(use, mark.place.dim);
    const int64_t size = factor >= 0 ? wiring_.factor(factor).size
                                     : graph_.tensor(mark.place.tensor).dims[mark.place.dim];
    for (const int64_t axis : {2, 3, 5}) {
      if (size % axis == 0) return axis;
    }
    return 0;
  }

  const Graph graph_ = GraphFromText(ModuleOf(GetParam()));
  const NodeId node_ = graph_.node_count() - 1;
  const Roles roles_ = NoRoles(graph_);
  const Wiring wiring_{graph_, roles_};
  std::vector<Mark> operands_, results_;
};

// Splits the mark alone.
TEST_P(RuleCaseSplits, EachOperandDimDoesWhatItsLetterSays) {
  for (const Mark& mark : operands_) {
    const int64_t axis = AxisFor(mark);
    if (axis == 0) continue;
    PropagationOptions options;
    options.axis_size = axis;
    Propagation state(wiring_, options);
    const auto conflict = state.Split(mark.place);
    if (mark.letter == '#' || mark.is_halo) {
      ASSERT_TRUE(conflict);
      EXPECT_EQ(conflict->kind, mark.is_halo ? ConflictClass::kHalo : ConflictClass::kNeedsWhole);
      EXPECT_EQ(conflict->node, node_);
      continue;
    }
    ASSERT_FALSE(conflict) << mark.letter;
    std::map<TensorId, bool> is_split;
    for (const Mark& result : results_) {
      if (result.letter == mark.letter) {
        EXPECT_EQ(state.split_dim(result.place.tensor), result.place.dim);
        is_split[result.place.tensor] = true;
      }
    }
    std::vector<TensorId> whole;
    for (const TensorId result : graph_.results(node_)) {
      if (!is_split[result]) {
        EXPECT_EQ(state.split_dim(result), -1);
        whole.push_back(result);
      }
    }
    const auto partial = wiring_.partial_results(state.selected(node_));
    EXPECT_EQ(std::vector<TensorId>(partial.begin(), partial.end()),
              mark.is_sum ? whole : std::vector<TensorId>{});
  }
}

TEST_P(RuleCaseSplits, TwoFactorsConflict) {
  for (const Mark& first : operands_) {
    for (const Mark& second : operands_) {
      const int64_t axis = AxisFor(first);
      PropagationOptions options;
      options.axis_size = axis;
      if (axis == 0 || first.letter == '#' || first.is_halo || second.letter == '#') continue;
      if (second.is_halo || AxisFor(second) != axis || first.letter == second.letter) continue;
      Propagation state(wiring_, options);
      ASSERT_FALSE(state.Split(first.place));
      const auto conflict = state.Split(second.place);
      ASSERT_TRUE(conflict) << first.letter << second.letter;
      const bool is_same = first.place.tensor == second.place.tensor;
      EXPECT_EQ(conflict->kind, is_same ? ConflictClass::kOtherDim : ConflictClass::kTwoFactors);
    }
  }
}

TEST_P(RuleCaseSplits, AnAxisThatDoesNotDivideConflicts) {
  for (const Mark& mark : operands_) {
    if (mark.letter == '#' || mark.is_halo) continue;
    PropagationOptions options;
    options.axis_size = 7;
    Propagation state(wiring_, options);
    const auto conflict = state.Split(mark.place);
    ASSERT_TRUE(conflict);
    EXPECT_EQ(conflict->kind, ConflictClass::kNotDivisible);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, RuleCaseSplits, testing::ValuesIn(RuleCases()),
                         [](const auto& test) {
                           std::string name;
                           for (const char c : test.param.name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
                           }
                           return name;
                         });

// With the opcodes that are only structure, all 133 have a case of a legal split and a conflict.
TEST(RuleCases, HaveALegalSplitAndAConflictForEveryOpcodeWithArrays) {
  std::map<Opcode, int> legal, refused;
  for (const RuleCase& it : RuleCases()) {
    const Graph graph = GraphFromText(ModuleOf(it));
    const Opcode opcode = graph.node(graph.node_count() - 1).opcode;
    const std::string operands = it.expected.substr(0, it.expected.find("->"));
    for (const char c : operands) {
      if (c >= 'a' && c <= 'z') ++legal[opcode];
      if (c >= 'A' && c <= 'Z') ++legal[opcode];
      if (c == '#' || c == '~') ++refused[opcode];
    }
    if (legal[opcode] > 1) ++refused[opcode];  // two factors
  }
  const std::set<Opcode> whole = {Opcode::kOutfeed, Opcode::kSend, Opcode::kRngBitGenerator,
                                  Opcode::kSetDimensionSize, Opcode::kUnknown};
  for (const auto& [opcode, count] : refused) {
    EXPECT_TRUE(legal[opcode] > 0 || whole.contains(opcode)) << OpcodeName(opcode);
    EXPECT_GT(count, 0) << OpcodeName(opcode);
  }
}

}  // namespace
}  // namespace automap

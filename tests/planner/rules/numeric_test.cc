// Every rule against the numbers: an operation that runs on blocks of its operands, as the rule
// says, must give what it gives on the whole; and rules that are wrong on purpose must not.
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "planner/rules/catalog.h"
#include "tests/support/hlo_text.h"
#include "tests/support/interpreter/sharded.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using interpreter::Array;

// A node with numbers.
struct Case {
  const Graph& graph;
  NodeId node;
  const std::vector<Array>& operands;
  const std::vector<Array>& expected;

  // Whether splitting `factor` gives the same numbers for every number of parts up to 4.
  bool IsRight(const FactorRule& rule, int factor) const {
    for (const int64_t parts : {2, 3, 4}) {
      if (rule.factors[factor].size % parts != 0) continue;
      const auto results = interpreter::RunSplit(graph, node, rule, factor, parts, operands);
      if (!results.ok() || *results != expected) return false;
    }
    return true;
  }

  std::string Text() const { return graph.node(node).instruction->ShortDebugString(); }
};

// Calls visit(case, rule) for each node of random modules around `opcode` that has numbers, `draws`
// times with other ones, then done().
template <typename Visit, typename Done>
void ForEachCase(Opcode opcode, uint64_t seeds, uint64_t draws, const Visit& visit,
                 const Done& done) {
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    RandomModule module(seed * 1000 + static_cast<uint64_t>(opcode));
    ASSERT_TRUE(module.Add(opcode)) << OpcodeName(opcode) << " has no writer";
    const std::string text = module.Text();
    const Graph graph = GraphFromText(text);
    for (uint64_t draw = 0; draw < draws; ++draw) {
      interpreter::RunGraph(graph, seed * draws + draw,
                            [&](NodeId node, const auto& operands, const auto& results) {
                              visit(Case{graph, node, operands, results}, RuleFor(graph, node));
                            });
    }
    done();
    if (testing::Test::HasFailure())
      FAIL() << "seed " << seed << "\n" << text.substr(text.find("ENTRY"));
  }
}

std::string NameOf(const testing::TestParamInfo<int>& test) {
  std::string name;
  for (const char c : OpcodeName(static_cast<Opcode>(test.param))) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
  }
  return name;
}

class NumericRule : public testing::TestWithParam<int> {
 protected:
  const Opcode opcode_ = static_cast<Opcode>(GetParam());
};

TEST_P(NumericRule, RunsOnBlocksAsOnTheWhole) {
  const auto check = [&](const Case& it, const FactorRule& rule) {
    for (size_t f = 0; f < rule.factors.size(); ++f) {
      if (rule.factors[f].kind == FactorKind::kHalo) continue;
      EXPECT_TRUE(it.IsRight(rule, static_cast<int>(f))) << "factor " << f << " of " << it.Text();
    }
  };
  ForEachCase(opcode_, 150, 1, check, [] {});
}

// A rule that claims something else than the one given, what was done to it, and the factor to try.
struct Mutant {
  std::string name;
  FactorRule rule;
  int factor;
};

// One more operand dim in a factor. Halo factors have no numbers.
std::vector<Mutant> WithOneMorePlace(const Case& it, const FactorRule& rule) {
  std::vector<Mutant> mutants;
  size_t position = 0;
  for (size_t slot = 0; slot < it.operands.size(); ++slot) {
    for (const int64_t size : it.operands[slot].dims) {
      const size_t at = position++;
      if (rule.dims[at] != kWhole) continue;
      for (size_t f = 0; f < rule.factors.size(); ++f) {
        const int factor = static_cast<int>(f);
        const auto dims = interpreter::DimsOfFactor(it.graph, it.node, rule, factor);
        if (rule.factors[f].kind == FactorKind::kHalo || dims[slot] >= 0) continue;
        if (size % rule.factors[f].size != 0) continue;
        Mutant mutant = {absl::StrCat("place ", at, " in factor ", f), rule, factor};
        mutant.rule.dims[at] = static_cast<int16_t>(f);
        mutants.push_back(mutant);
      }
    }
  }
  return mutants;
}

// How often each mutant of each node of one module gave the right numbers.
class Survivors {
 public:
  void Try(const Case& it, const std::vector<Mutant>& mutants) {
    for (const Mutant& mutant : mutants) {
      const auto key = std::make_pair(it.node, mutant.name);
      auto& [right, tried] = counts_[key];
      ++tried;
      right += it.IsRight(mutant.rule, mutant.factor) ? 1 : 0;
      if (right == tried) text_[key] = it.Text();
    }
  }
  // Those that were right with all numbers.
  std::vector<std::string> Take() {
    std::vector<std::string> names;
    for (const auto& [key, count] : counts_) {
      ++total;
      if (count.first == count.second) {
        names.push_back(absl::StrCat(key.second, " of ", text_[key]));
      }
    }
    counts_.clear();
    return names;
  }
  int total = 0;

 private:
  std::map<std::pair<NodeId, std::string>, std::pair<int, int>> counts_;
  std::map<std::pair<NodeId, std::string>, std::string> text_;
};

// An operand dim that could go along with a factor belongs to it: a device that has only its block
// there would compute the same.
TEST_P(NumericRule, LeavesNoOperandOutOfAFactor) {
  Survivors survivors;
  ForEachCase(
      opcode_, 40, 4,
      [&](const Case& it, const FactorRule& rule) {
        if (it.graph.node(it.node).opcode == opcode_) survivors.Try(it, WithOneMorePlace(it, rule));
      },
      [&] {
        for (const std::string& name : survivors.Take()) ADD_FAILURE() << name;
      });
}

// The slot of each place of a rule.
std::vector<int> SlotsOf(const Case& it) {
  std::vector<int> slots;
  const auto add = [&](int slot, const std::vector<Array>& arrays) {
    for (size_t i = 0; i < arrays.size(); ++i) {
      slots.insert(slots.end(), arrays[i].dims.size(), slot + static_cast<int>(i));
    }
  };
  add(0, it.operands);
  add(static_cast<int>(it.operands.size()), it.expected);
  return slots;
}

std::vector<int64_t> SizesOf(const Case& it) {
  std::vector<int64_t> sizes;
  for (const auto* arrays : {&it.operands, &it.expected}) {
    for (const Array& array : *arrays)
      sizes.insert(sizes.end(), array.dims.begin(), array.dims.end());
  }
  return sizes;
}

// A sum that is not added up.
std::vector<Mutant> WithoutSum(const Case&, const FactorRule& rule) {
  std::vector<Mutant> mutants;
  for (size_t f = 0; f < rule.factors.size(); ++f) {
    if (rule.factors[f].kind != FactorKind::kSum) continue;
    mutants.push_back({absl::StrCat("factor ", f, " not summed"), rule, static_cast<int>(f)});
    mutants.back().rule.factors[f].kind = FactorKind::kPass;
  }
  return mutants;
}

bool IsSummed(const FactorRule& rule, int16_t factor) {
  return factor != kWhole && rule.factors[factor].kind == FactorKind::kSum;
}

// A factor in another dim of one operand or result than it is.
std::vector<Mutant> WithAnotherDim(const Case& it, const FactorRule& rule) {
  std::vector<Mutant> mutants;
  const std::vector<int> slots = SlotsOf(it);
  const std::vector<int64_t> sizes = SizesOf(it);
  for (size_t from = 0; from < rule.dims.size(); ++from) {
    const int16_t f = rule.dims[from];
    if (f == kWhole || rule.factors[f].kind == FactorKind::kHalo) continue;
    for (size_t to = 0; to < rule.dims.size(); ++to) {
      if (slots[to] != slots[from] || to == from || sizes[to] % rule.factors[f].size != 0) continue;
      if (IsSummed(rule, f) && IsSummed(rule, rule.dims[to])) continue;  // in any order
      mutants.push_back({absl::StrCat("place ", from, " moved to ", to), rule, f});
      std::swap(mutants.back().rule.dims[from], mutants.back().rule.dims[to]);
    }
  }
  return mutants;
}

// A dim that must be whole, or has a halo, as a factor of its own, summed or not.
std::vector<Mutant> WithAFactorForWhole(const Case& it, const FactorRule& rule) {
  std::vector<Mutant> mutants;
  const std::vector<int64_t> sizes = SizesOf(it);
  const std::vector<int> slots = SlotsOf(it);
  for (size_t at = 0; at < rule.dims.size(); ++at) {
    if (slots[at] >= static_cast<int>(it.operands.size())) break;
    const bool has_numbers =
        rule.dims[at] != kWhole && rule.factors[rule.dims[at]].kind != FactorKind::kHalo;
    if (sizes[at] < 2 || has_numbers) continue;
    for (const FactorKind kind : {FactorKind::kPass, FactorKind::kSum}) {
      Mutant mutant = {absl::StrCat("place ", at, kind == FactorKind::kSum ? " summed" : " passed"),
                       rule, static_cast<int>(rule.factors.size())};
      mutant.rule.factors.push_back({kind, sizes[at]});
      mutant.rule.dims[at] = static_cast<int16_t>(mutant.factor);
      mutants.push_back(mutant);
    }
  }
  return mutants;
}

// A dim that must be whole, or has a halo, together with a dim of the result.
std::vector<Mutant> WithWholePassed(const Case& it, const FactorRule& rule) {
  std::vector<Mutant> mutants;
  const std::vector<int> slots = SlotsOf(it);
  const std::vector<int64_t> sizes = SizesOf(it);
  const int operands = static_cast<int>(it.operands.size());
  for (size_t from = 0; from < rule.dims.size() && slots[from] < operands; ++from) {
    const bool has_numbers =
        rule.dims[from] != kWhole && rule.factors[rule.dims[from]].kind != FactorKind::kHalo;
    if (sizes[from] < 2 || has_numbers) continue;
    for (size_t to = from; to < rule.dims.size(); ++to) {
      if (slots[to] < operands || sizes[to] != sizes[from]) continue;
      Mutant mutant = {absl::StrCat("place ", from, " passed to ", to), rule,
                       static_cast<int>(rule.factors.size())};
      mutant.rule.factors.push_back({FactorKind::kPass, sizes[from]});
      mutant.rule.dims[from] = mutant.rule.dims[to] = static_cast<int16_t>(mutant.factor);
      mutants.push_back(mutant);
    }
  }
  return mutants;
}

// Which opcodes can be told right from wrong: collectives of a user do nothing on one device,
// random bits are what the device makes them, and an array of dynamic size is not split although it
// could be.
bool HasNumbers(Opcode opcode) {
  switch (opcode) {
    case Opcode::kAllGather:
    case Opcode::kAllReduce:
    case Opcode::kAllToAll:
    case Opcode::kCollectiveBroadcast:
    case Opcode::kCollectivePermute:
    case Opcode::kCustomCall:
    case Opcode::kReduceScatter:
    case Opcode::kRngBitGenerator:
    case Opcode::kSetDimensionSize:
      return false;
    default:
      return true;
  }
}

// Tries mutants of the rules of random modules around every opcode. Nearly all must give other
// numbers in one of four draws; the few others are right after all (a kernel of convolution may be
// split where its input is whole, an operand that is written over is never read).
template <typename Mutate>
void ExpectCaught(const Mutate& mutate) {
  size_t total = 0, survived = 0;
  for (int number = 0; number < kOpcodeCount; ++number) {
    const Opcode opcode = static_cast<Opcode>(number);
    if (!HasNumbers(opcode)) continue;
    Survivors survivors;
    std::vector<std::string> names;
    ForEachCase(
        opcode, 60, 4,
        [&](const Case& it, const FactorRule& rule) {
          if (it.graph.node(it.node).opcode == opcode) survivors.Try(it, mutate(it, rule));
        },
        [&] {
          for (std::string& name : survivors.Take()) names.push_back(std::move(name));
        });
    EXPECT_LE(names.size() * 3, static_cast<size_t>(survivors.total)) << OpcodeName(opcode) << "\n"
                                                                      << absl::StrJoin(names, "\n");
    total += survivors.total;
    survived += names.size();
  }
  testing::Test::RecordProperty("mutants", static_cast<int>(total));
  testing::Test::RecordProperty("survivors", static_cast<int>(survived));
  EXPECT_LE(survived * 20, total) << survived << " of " << total;
}

TEST(WrongRule, IsCaughtWhenASumIsNotAddedUp) { ExpectCaught(WithoutSum); }
TEST(WrongRule, IsCaughtWhenAFactorIsInAnotherDim) { ExpectCaught(WithAnotherDim); }
TEST(WrongRule, IsCaughtWhenAWholeDimIsAFactor) { ExpectCaught(WithAFactorForWhole); }
TEST(WrongRule, IsCaughtWhenAWholeDimIsPassed) { ExpectCaught(WithWholePassed); }

INSTANTIATE_TEST_SUITE_P(Opcodes, NumericRule, testing::Range(0, kOpcodeCount), NameOf);

}  // namespace
}  // namespace automap

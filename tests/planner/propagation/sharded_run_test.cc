// Whole programs against the numbers: random graphs, random legal decisions, every node run on
// blocks as the propagated state says.
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "planner/propagation/propagation.h"
#include "planner/rules/catalog.h"
#include "tests/support/interpreter/sharded.h"
#include "tests/support/random_graph.h"

namespace automap {
namespace {

using interpreter::Array;

// Runs a graph and checks each node under a state: what is split is used and made in that dim, the
// devices' program is the node's, and its partial results are those that will be all-reduced.
class ShardedRun {
 public:
  ShardedRun(const RandomGraph& random, const Propagation& state, std::set<TensorId> decided)
      : graph_(random.graph),
        wiring_(*random.wiring),
        state_(state),
        decided_(std::move(decided)) {}

  void Check(NodeId node, const std::vector<Array>& operands, const std::vector<Array>& results) {
    if (!graph_.node(node).is_live) return;
    const FactorId selected = state_.selected(node);
    if (selected < 0) return CheckUnsplit(node);
    const int factor = selected - wiring_.factor_begin(node);
    const FactorRule rule = RuleFor(graph_, node);
    const std::vector<int> dims = interpreter::DimsOfFactor(graph_, node, rule, factor);
    CheckDims(node, dims);
    CheckPartials(node, selected, dims, rule.factors[factor].kind == FactorKind::kSum);
    const auto sharded =
        interpreter::RunSplit(graph_, node, rule, factor, state_.options().axis_size, operands);
    ASSERT_TRUE(sharded.ok()) << sharded.status() << " at " << graph_.Path(node);
    EXPECT_TRUE(*sharded == results) << "other numbers at " << graph_.Path(node);
    split_opcodes.push_back(graph_.node(node).opcode);
  }

  std::vector<Opcode> split_opcodes;  // of each node that was split

 private:
  // A node that is not split reads whole tensors; the joins of loops and branches slice for
  // nothing.
  void CheckUnsplit(NodeId node) {
    for (const TensorId operand : graph_.operands(node)) {
      EXPECT_EQ(state_.split_dim(operand), -1) << graph_.Path(node);
    }
    const Opcode opcode = graph_.node(node).opcode;
    if (opcode == Opcode::kWhile || opcode == Opcode::kConditional) return;
    // A decision may name any tensor.
    for (const TensorId result : graph_.results(node)) {
      EXPECT_TRUE(state_.split_dim(result) < 0 || IsDecided(result)) << graph_.Path(node);
    }
  }

  void CheckDims(NodeId node, const std::vector<int>& dims) {
    size_t slot = 0;
    for (const TensorId operand : graph_.operands(node)) {
      const int32_t dim = state_.split_dim(operand);
      EXPECT_TRUE(dim < 0 || dim == dims[slot]) << "operand of " << graph_.Path(node);
      ++slot;
    }
    for (const TensorId result : graph_.results(node)) {
      EXPECT_TRUE(state_.split_dim(result) == dims[slot] || IsDecided(result)) << graph_.Path(node);
      ++slot;
    }
  }

  void CheckPartials(NodeId node, FactorId selected, const std::vector<int>& dims, bool is_sum) {
    std::vector<TensorId> expected;
    size_t slot = graph_.operands(node).size();
    for (const TensorId result : graph_.results(node)) {
      if (is_sum && dims[slot] < 0) expected.push_back(result);
      ++slot;
    }
    const auto partial = wiring_.partial_results(selected);
    EXPECT_EQ(std::vector<TensorId>(partial.begin(), partial.end()), expected);
  }

  bool IsDecided(TensorId tensor) const { return decided_.contains(tensor); }

  const Graph& graph_;
  const Wiring& wiring_;
  const Propagation& state_;
  const std::set<TensorId> decided_;  // by the test itself; their producers need not be split
};

// Random decisions on tensors, those that go together.
std::set<TensorId> Decide(const RandomGraph& random, Propagation& state, uint64_t seed) {
  std::mt19937_64 draw(seed);
  std::set<TensorId> decided;
  for (int i = 0; i < 80 && !random.places.empty(); ++i) {
    const TensorDim place = random.places[draw() % random.places.size()];
    const int64_t size = random.graph.tensor(place.tensor).dims[place.dim];
    if (size % state.options().axis_size != 0 || random.graph.tensor(place.tensor).is_dynamic) {
      continue;
    }
    if (!state.Split(place)) decided.insert(place.tensor);
  }
  return decided;
}

TEST(ShardedRun, OfARandomGraphGivesTheNumbersOfTheWhole) {
  int split_nodes = 0;
  std::set<Opcode> opcodes;
  for (uint64_t seed = 0; seed < 1500; ++seed) {
    const auto random = MakeRandomGraph(seed);
    for (const int64_t parts : {2, 4, 3}) {
      Propagation state(*random->wiring, {parts, {}});
      ShardedRun run(*random, state, Decide(*random, state, seed));
      interpreter::RunGraph(random->graph, seed,
                            [&](NodeId node, const auto& operands, const auto& results) {
                              run.Check(node, operands, results);
                            });
      split_nodes += static_cast<int>(run.split_opcodes.size());
      opcodes.insert(run.split_opcodes.begin(), run.split_opcodes.end());
      if (HasFailure()) FAIL() << "seed " << seed << ", " << parts << " parts\n" << random->text;
    }
  }
  RecordProperty("split_nodes", split_nodes);
  EXPECT_GT(split_nodes, 30000);
  EXPECT_GT(opcodes.size(), 95u);
}

}  // namespace
}  // namespace automap

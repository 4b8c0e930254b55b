// What propagation promises, on random graphs over every opcode and on every zoo module, for random
// decisions on any of their tensors.
#include <algorithm>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/random_graph.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// All split tensors with their dims, and all selected factors.
struct State {
  std::set<std::pair<TensorId, int32_t>> splits;
  std::set<FactorId> factors;
  bool operator==(const State&) const = default;

  bool Includes(const State& other) const {
    return std::includes(splits.begin(), splits.end(), other.splits.begin(), other.splits.end()) &&
           std::includes(factors.begin(), factors.end(), other.factors.begin(),
                         other.factors.end());
  }
  State With(const State& other) const {
    State both = *this;
    both.splits.insert(other.splits.begin(), other.splits.end());
    both.factors.insert(other.factors.begin(), other.factors.end());
    return both;
  }
};

State StateOf(const Propagation& propagation) {
  State state;
  const Graph& graph = propagation.wiring().graph();
  for (TensorId t = 0; t < graph.tensor_count(); ++t) {
    if (propagation.split_dim(t) >= 0) state.splits.emplace(t, propagation.split_dim(t));
  }
  for (NodeId n = 0; n < graph.node_count(); ++n) {
    if (propagation.selected(n) >= 0) state.factors.insert(propagation.selected(n));
  }
  return state;
}

// A graph under test and the decisions to draw from.
struct Subject {
  const Wiring& wiring;
  const Roles& roles;
  std::vector<TensorDim> places;
};

// Closures of decisions, each alone: nothing for one that conflicts by itself.
std::optional<State> ClosureOf(const Subject& it, const PropagationOptions& options,
                               const std::vector<TensorDim>& decisions) {
  Propagation propagation(it.wiring, options);
  for (const TensorDim& decision : decisions) {
    if (propagation.Split(decision)) return std::nullopt;
  }
  return StateOf(propagation);
}

std::vector<TensorDim> Draw(const Subject& it, const PropagationOptions& options, size_t count,
                            std::mt19937_64& random) {
  std::vector<TensorDim> drawn;
  for (int tries = 0; tries < 1000 && drawn.size() < count; ++tries) {
    const TensorDim place = it.places[random() % it.places.size()];
    const Tensor& tensor = it.wiring.graph().tensor(place.tensor);
    if (tensor.is_dynamic || tensor.dims[place.dim] % options.axis_size != 0) continue;
    drawn.push_back(place);
  }
  return drawn;
}

// A set of decisions conflicts exactly when one of them or two of them do; where it does not, its
// closure is the union of theirs, whatever the order.
void ExpectPairsDecide(const Subject& it, const PropagationOptions& options,
                       std::vector<TensorDim> decisions, std::mt19937_64& random) {
  bool pairs_go = true;
  State sum;
  for (size_t i = 0; i < decisions.size(); ++i) {
    for (size_t j = i; j < decisions.size(); ++j) {
      const auto both = ClosureOf(it, options, {decisions[i], decisions[j]});
      pairs_go &= both.has_value();
      if (both) sum = sum.With(*both);
    }
  }
  for (int order = 0; order < 3; ++order) {
    const auto together = ClosureOf(it, options, decisions);
    ASSERT_EQ(together.has_value(), pairs_go);
    if (together) {
      EXPECT_EQ(*together, sum);
    }
    std::shuffle(decisions.begin(), decisions.end(), random);
  }
}

// One after the other: nothing is taken back, once more changes nothing, a conflict changes
// nothing, and undoing restores each state.
void ExpectStepsHold(const Subject& it, const PropagationOptions& options,
                     const std::vector<TensorDim>& decisions) {
  Propagation propagation(it.wiring, options);
  std::vector<State> states = {StateOf(propagation)};
  std::vector<int32_t> marks;
  for (const TensorDim& decision : decisions) {
    const int32_t mark = propagation.mark();
    if (propagation.Split(decision)) {
      EXPECT_EQ(StateOf(propagation), states.back());
      continue;
    }
    marks.push_back(mark);
    EXPECT_TRUE(StateOf(propagation).Includes(states.back()));
    states.push_back(StateOf(propagation));
    EXPECT_FALSE(propagation.Split(decision));
    EXPECT_EQ(StateOf(propagation), states.back());
  }
  for (size_t i = marks.size(); i-- > 0;) {
    propagation.UndoTo(marks[i]);
    EXPECT_EQ(StateOf(propagation), states[i]);
  }
}

// Every split divides its dim and the factor that made it; a new value that is split takes the
// parameter that it replaces along.
void ExpectValid(const Subject& it, const PropagationOptions& options, const State& state) {
  const Graph& graph = it.wiring.graph();
  for (const auto& [tensor, dim] : state.splits) {
    EXPECT_EQ(graph.tensor(tensor).dims[dim] % options.axis_size, 0);
    const TensorId parameter = it.wiring.replaces(tensor);
    if (parameter >= 0) {
      EXPECT_TRUE(state.splits.contains({parameter, dim}));
    }
  }
  std::set<NodeId> nodes;
  for (const FactorId factor : state.factors) {
    EXPECT_EQ(it.wiring.factor(factor).size % options.axis_size, 0);
    EXPECT_NE(it.wiring.factor(factor).kind, FactorKind::kHalo);
    EXPECT_TRUE(nodes.insert(it.wiring.factor(factor).node).second);
  }
}

void ExpectAll(const Subject& it, const PropagationOptions& options, std::mt19937_64& random) {
  const std::vector<TensorDim> decisions = Draw(it, options, 4, random);
  ExpectPairsDecide(it, options, decisions, random);
  ExpectStepsHold(it, options, decisions);
  for (const TensorDim& decision : decisions) {
    if (const auto state = ClosureOf(it, options, {decision})) ExpectValid(it, options, *state);
  }
}

TEST(Propagation, KeepsItsPromisesOnRandomGraphs) {
  std::mt19937_64 random(1);
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const auto graph = MakeRandomGraph(seed);
    if (graph->places.empty()) continue;
    for (const int64_t size : {2, 3, 4}) {
      PropagationOptions options;
      options.axis_size = size;
      ExpectAll({*graph->wiring, graph->roles, graph->places}, options, random);
    }
    if (HasFailure()) FAIL() << "seed " << seed << "\n" << graph->text;
  }
}

class ZooProperties : public testing::TestWithParam<std::string> {
 protected:
  // Any tensor that a parameter reaches may be decided.
  Subject MakeSubject() const {
    Subject it = {module_->wiring(), module_->roles(), {}};
    const Graph& graph = module_->graph();
    for (TensorId t = 0; t < graph.tensor_count(); ++t) {
      for (int32_t dim = 0; dim < graph.tensor(t).rank && !graph.tensor(t).is_free; ++dim) {
        if (graph.tensor(t).dims[dim] > 1) it.places.push_back({t, dim});
      }
    }
    return it;
  }

  LinkageGroups Groups(int64_t size) const {
    PropagationOptions options;
    options.axis_size = size;
    return FindLinkageGroups(module_->wiring(), module_->roles(), Role::kVariable, options);
  }

  TensorDim First(const LinkageGroup& group) const {
    const ParameterDim& member = group.members[0];
    return {module_->graph().parameters()[member.parameter].tensor, member.dim};
  }

  const std::unique_ptr<const PreparedModule> module_ = PrepareZoo(GetParam());
};

TEST_P(ZooProperties, HoldForRandomDecisionsOnAnyTensor) {
  const Subject it = MakeSubject();
  std::mt19937_64 random(2);
  PropagationOptions options;
  for (const int64_t size : {2, 8}) {
    options.axis_size = size;
    for (int trial = 0; trial < 8; ++trial) ExpectAll(it, options, random);
  }
}

// What follows from a member leads back to it: groups imply no other group.
TEST_P(ZooProperties, LinkageIsSymmetric) {
  for (const int64_t size : {2, 4, 16}) {
    for (const LinkageGroup& group : Groups(size).groups) EXPECT_TRUE(group.implied.empty());
  }
}

// Groups that go together select different operations, so that all-reduces add up.
TEST_P(ZooProperties, AllReducesAreAdditiveOverGroups) {
  const LinkageGroups found = Groups(4);
  PropagationOptions options;
  options.axis_size = 4;
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 3; ++trial) {
    Propagation together(module_->wiring(), options);
    std::multiset<TensorId> expected, actual;
    for (const LinkageGroup& group : found.groups) {
      if (random() % 3 == 0 || together.Split(First(group))) continue;
      for (const FactorId factor : group.factors) {
        const auto partial = module_->wiring().partial_results(factor);
        expected.insert(partial.begin(), partial.end());
      }
    }
    for (const FactorId factor : StateOf(together).factors) {
      const auto partial = module_->wiring().partial_results(factor);
      actual.insert(partial.begin(), partial.end());
    }
    EXPECT_EQ(actual, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, ZooProperties, testing::ValuesIn(ZooNames()),
                         [](const auto& test) { return TestName(test.param); });

}  // namespace
}  // namespace automap

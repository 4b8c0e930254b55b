#include "planner/propagation/propagation.h"

#include <random>

#include "gtest/gtest.h"
#include "planner/propagation/explain.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct State {
  std::vector<int32_t> tensors;
  std::vector<FactorId> nodes;
  bool operator==(const State&) const = default;
};

State StateOf(const Propagation& propagation) {
  State state;
  const Graph& graph = propagation.wiring().graph();
  for (TensorId t = 0; t < graph.tensor_count(); ++t)
    state.tensors.push_back(propagation.split_dim(t));
  for (NodeId n = 0; n < graph.node_count(); ++n) state.nodes.push_back(propagation.selected(n));
  return state;
}

class PropagationOnZoo : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    module_ = PrepareZoo(GetParam());
    groups_ = FindLinkageGroups(module_->wiring(), module_->roles(), Role::kVariable, options_);
    ASSERT_FALSE(groups_.groups.empty());
  }

  TensorDim Place(int32_t group, int32_t member = 0) const {
    const ParameterDim& dim = groups_.groups[group].members[member];
    return {module_->graph().parameters()[dim.parameter].tensor, dim.dim};
  }

  // A random set of groups that pairwise go together.
  std::vector<int32_t> RandomChoice(std::mt19937& random) const {
    std::vector<int32_t> chosen;
    for (int32_t g = 0; g < static_cast<int32_t>(groups_.groups.size()); ++g) {
      const auto& conflicts = groups_.conflicts[g];
      const bool free = std::none_of(chosen.begin(), chosen.end(), [&](int32_t other) {
        return std::binary_search(conflicts.begin(), conflicts.end(), other);
      });
      if (free && random() % 2 == 0) chosen.push_back(g);
    }
    return chosen;
  }

  const PropagationOptions options_ = {4, false};
  std::unique_ptr<const PreparedModule> module_;
  LinkageGroups groups_;
};

TEST_P(PropagationOnZoo, SplittingAgainChangesNothing) {
  Propagation propagation(module_->wiring(), options_);
  ASSERT_FALSE(propagation.Split(Place(0)));
  const State once = StateOf(propagation);
  ASSERT_FALSE(propagation.Split(Place(0)));
  EXPECT_EQ(StateOf(propagation), once);
}

TEST_P(PropagationOnZoo, AnyMemberOfAGroupGivesTheSameState) {
  const int32_t last = groups_.groups[0].members.size() - 1;
  Propagation first(module_->wiring(), options_), other(module_->wiring(), options_);
  ASSERT_FALSE(first.Split(Place(0, 0)));
  ASSERT_FALSE(other.Split(Place(0, last)));
  EXPECT_EQ(StateOf(first), StateOf(other));
}

TEST_P(PropagationOnZoo, OrderDoesNotMatterAndDecisionsOnlyAdd) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 10; ++trial) {
    std::vector<int32_t> chosen = RandomChoice(random);
    Propagation forward(module_->wiring(), options_), shuffled(module_->wiring(), options_);
    State before = StateOf(forward);
    for (const int32_t group : chosen) {
      ASSERT_FALSE(forward.Split(Place(group)));
      const State after = StateOf(forward);
      for (size_t t = 0; t < after.tensors.size(); ++t) {
        ASSERT_TRUE(before.tensors[t] < 0 || before.tensors[t] == after.tensors[t])
            << "a split was taken back";
      }
      before = after;
    }
    std::shuffle(chosen.begin(), chosen.end(), random);
    for (const int32_t group : chosen) ASSERT_FALSE(shuffled.Split(Place(group)));
    EXPECT_EQ(StateOf(forward), StateOf(shuffled));
  }
}

TEST_P(PropagationOnZoo, UndoRestoresEveryBit) {
  std::mt19937 random(2);
  Propagation propagation(module_->wiring(), options_);
  const std::vector<int32_t> chosen = RandomChoice(random);
  std::vector<State> states = {StateOf(propagation)};
  std::vector<int32_t> marks;
  for (const int32_t group : chosen) {
    marks.push_back(propagation.mark());
    ASSERT_FALSE(propagation.Split(Place(group)));
    if (states.size() < 8) states.push_back(StateOf(propagation));
  }
  while (!marks.empty()) {
    propagation.UndoTo(marks.back());
    marks.pop_back();
    if (marks.size() < states.size()) {
      EXPECT_EQ(StateOf(propagation), states[marks.size()]);
    }
  }
}

TEST_P(PropagationOnZoo, AConflictLeavesTheStateAsItWas) {
  for (size_t g = 0; g < groups_.groups.size(); ++g) {
    if (groups_.conflicts[g].empty()) continue;
    Propagation propagation(module_->wiring(), options_);
    ASSERT_FALSE(propagation.Split(Place(g)));
    const State before = StateOf(propagation);
    ASSERT_TRUE(propagation.Split(Place(groups_.conflicts[g].front())));
    EXPECT_EQ(StateOf(propagation), before);
    return;
  }
}

TEST_P(PropagationOnZoo, GroupsConflictExactlyInPairs) {
  std::mt19937 random(3);
  const int32_t count = groups_.groups.size();
  for (int trial = 0; trial < 40; ++trial) {
    Propagation propagation(module_->wiring(), options_);
    std::vector<int32_t> taken;
    for (int i = 0; i < 6; ++i) {
      const int32_t group = random() % count;
      const auto& conflicts = groups_.conflicts[group];
      const bool expected = std::any_of(taken.begin(), taken.end(), [&](int32_t other) {
        return std::binary_search(conflicts.begin(), conflicts.end(), other);
      });
      ASSERT_EQ(propagation.Split(Place(group)).has_value(), expected) << group;
      if (!expected) taken.push_back(group);
    }
  }
}

TEST_P(PropagationOnZoo, SplitParametersAndTheirNewValuesAgree) {
  std::mt19937 random(4);
  Propagation propagation(module_->wiring(), options_);
  for (const int32_t group : RandomChoice(random)) ASSERT_FALSE(propagation.Split(Place(group)));
  const Graph& graph = module_->graph();
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    const int32_t parameter = module_->roles().updated_parameter[o];
    const int32_t dim = propagation.split_dim(graph.outputs()[o].tensor);
    if (parameter < 0 || dim < 0) continue;
    EXPECT_EQ(propagation.split_dim(graph.parameters()[parameter].tensor), dim);
  }
}

TEST_P(PropagationOnZoo, EverySplitDividesEvenly) {
  std::mt19937 random(5);
  Propagation propagation(module_->wiring(), options_);
  for (const int32_t group : RandomChoice(random)) ASSERT_FALSE(propagation.Split(Place(group)));
  for (TensorId t = 0; t < module_->graph().tensor_count(); ++t) {
    const int32_t dim = propagation.split_dim(t);
    if (dim >= 0) {
      ASSERT_EQ(module_->graph().tensor(t).dims[dim] % options_.axis_size, 0);
    }
  }
}

TEST_P(PropagationOnZoo, EveryInfeasibleDimIsExplainedByAConflictingChain) {
  for (size_t i = 0; i < std::min<size_t>(5, groups_.infeasible.size()); ++i) {
    const InfeasibleDim& item = groups_.infeasible[i];
    if (item.conflict.node < 0) continue;
    const auto explanation =
        ExplainConflict(module_->wiring(), module_->roles(), options_, {item.decision});
    ASSERT_TRUE(explanation);
    ASSERT_FALSE(explanation->chains.empty());
    EXPECT_NE(explanation->chains[0].front().find("(decided)"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, PropagationOnZoo, testing::ValuesIn(ZooNames()),
                         [](const auto& test) { return TestName(test.param); });

}  // namespace
}  // namespace automap

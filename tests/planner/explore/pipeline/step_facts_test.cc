#include "planner/explore/pipeline/step_facts.h"

#include "gtest/gtest.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

TEST(StepFacts, AreWorkedOutOnce) {
  const auto module = PrepareZoo("mlp");
  StepFacts facts(*module);
  const auto phases = facts.Phases();
  ASSERT_TRUE(phases.ok());
  EXPECT_EQ(*phases, *facts.Phases());
  EXPECT_EQ((*phases)->slot_of, FindPhases(module->graph(), module->roles())->slot_of);
  EXPECT_EQ(facts.BatchIn(2), facts.BatchIn(2));
  EXPECT_NE(facts.BatchIn(2), facts.BatchIn(4));
  EXPECT_EQ(facts.BatchIn(2)->inputs, FindBatch(*module, 2).inputs);
}

}  // namespace
}  // namespace automap

#include "agent/presets.h"

#include <gtest/gtest.h>

namespace automap {
namespace {

TEST(Presets, PaperIsAsPrinted) {
  const AgentOptions paper = PaperAgent();
  EXPECT_EQ(paper.discount, 0.6);
  EXPECT_EQ(paper.epsilon_start, 1.0);
  EXPECT_EQ(paper.epsilon_end, 0.1);
  EXPECT_EQ(paper.epsilon_updates, 2000);
  EXPECT_EQ(paper.priority_alpha, 0.2);
  EXPECT_EQ(paper.priority_beta, 0.6);
  EXPECT_EQ(paper.priority_beta_end, 0.6);
  EXPECT_EQ(paper.target_copy_updates, 100);
  EXPECT_EQ(paper.replay_capacity, 2000);
  EXPECT_EQ(paper.n_step, 1);
  EXPECT_EQ(paper.steps_per_update, 1);
  EXPECT_EQ(paper.greedy_rollout_every, 0);
}

TEST(Presets, DefaultSeesFurtherAndRollsOut) {
  EXPECT_GT(DefaultAgent().discount, PaperAgent().discount);
  EXPECT_GT(DefaultAgent().n_step, 1);
  EXPECT_GT(DefaultAgent().greedy_rollout_every, 0);
}

}  // namespace
}  // namespace automap

#include "agent/rainbow/q_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "agent/rainbow/learner.h"

namespace automap {
namespace {

std::vector<float> RandomObservations(int64_t count, Random& random) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    // Some zeros: the forward pass skips them.
    values.push_back(random.Below(3) == 0 ? 0.0f : static_cast<float>(4 * random.Uniform() - 2));
  }
  return values;
}

TEST(QNetwork, ForwardEqualsTorch) {
  Random random(1);
  const struct {
    int inputs, hidden, actions, count;
  } rows[] = {{1, 1, 1, 1}, {16, 64, 2, 64}, {40, 128, 2, 1}, {7, 33, 5, 10}, {315, 128, 2, 3}};
  for (const auto& row : rows) {
    const QNetwork network = QNetwork::Create(row.inputs, row.hidden, row.actions, random);
    const std::vector<float> x = RandomObservations(row.count * row.inputs, random);
    const auto torch = TorchForward(network, x, row.count);
    ASSERT_TRUE(torch.ok()) << torch.status();
    const std::vector<float> q = network.Forward(x, row.count);
    ASSERT_EQ(q.size(), torch->size());
    for (size_t i = 0; i < q.size(); ++i) {
      EXPECT_NEAR(q[i], (*torch)[i], 1e-4 * std::max(0.1f, std::abs(q[i]))) << row.inputs;
    }
  }
}

TEST(QNetwork, ABatchEqualsItsRows) {
  Random random(2);
  const QNetwork network = QNetwork::Create(6, 16, 3, random);
  const std::vector<float> x = RandomObservations(5 * 6, random);
  const std::vector<float> all = network.Forward(x, 5);
  for (int row = 0; row < 5; ++row) {
    const auto one = network.Forward(absl::MakeConstSpan(x).subspan(row * 6, 6), 1);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + row * 3)) << row;
  }
}

// Q = v + a - mean(a): the mean over the actions is the value head alone.
TEST(QNetwork, AdvantagesCancelInTheMean) {
  Random random(3);
  QNetwork network = QNetwork::Create(4, 8, 3, random);
  const std::vector<float> x = RandomObservations(4, random);
  const std::vector<float> before = network.Forward(x, 1);
  network.parameters[network.blocks()[7].offset] += 3;  // bias of the first action's advantage
  const std::vector<float> after = network.Forward(x, 1);
  EXPECT_NEAR(after[0] - before[0], 2, 1e-5);
  EXPECT_NEAR(after[0] + after[1] + after[2], before[0] + before[1] + before[2], 1e-5);
}

}  // namespace
}  // namespace automap

// Exact searches ask whether to stop, often, and then give what they have.
#include <algorithm>
#include <ctime>

#include "gtest/gtest.h"
#include "planner/explore/bound.h"
#include "planner/explore/explore_splits.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/oracle/best_choice.h"
#include "planner/oracle/stopped.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// Processor time of this thread: the machine may be busy.
double Now() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Notes the longest time between two questions; says stop after `seconds`.
class Watch {
 public:
  explicit Watch(double seconds) : end_(Now() + seconds) {}
  std::function<bool()> stop() {
    return [this] {
      const double now = Now();
      longest_ = std::max(longest_, now - last_);
      last_ = now;
      return now > end_;
    };
  }
  double longest() { return stop()(), longest_; }

 private:
  const double end_;
  double last_ = Now(), longest_ = 0;
};

#ifdef AUTOMAP_SANITIZED
constexpr double kOften = 0.05;  // seconds
#else
constexpr double kOften = 0.01;  // a few milliseconds are meant
#endif

TEST(StoppedBound, CutsAskOftenAndGiveTheBestSoFar) {
  int stopped = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const auto made = GeneratePipeline(seed);
    Watch watch(0.02);
    const PipelineBound bound = SimulatedBoundOf(*made->problem, watch.stop());
    EXPECT_LT(watch.longest(), kOften) << seed;
    ASSERT_TRUE(bound.is_found) << seed;
    EXPECT_TRUE(made->problem->IsLegal(bound.best)) << seed;
    if (bound.proof != kStoppedProof) continue;
    ++stopped;
    EXPECT_EQ(bound.lower_bound.value, 0) << seed;
  }
  EXPECT_GT(stopped, 0);
}

// The search with memory asks at every node; wherever it is stopped, it claims nothing.
TEST(StoppedBound, SplitsWithMemoryClaimNothing) {
  const auto module = PrepareZoo("mlp");
  v1::Cluster message = *ClusterPreset("v100x4x1-25gbps");
  const auto task_with = [&](double bytes) {
    message.mutable_device_types(0)->set_memory_bytes(
        static_cast<int64_t>(bytes + 1.5 * (1 << 30)));
    return *MakeSplitTask(*module, *ClusterFromProto(message), {"opp", 4, {}, true, false});
  };
  const SplitTask roomy = task_with(30e9);
  const std::vector<bool> none(roomy.problem->decisions().size(), false);
  const SplitTask tight = task_with(0.7 * roomy.problem->Cost(none).peak_memory.value);
  int asked = 0;
  const SplitBound whole = BoundOf(*tight.problem, [&] { return ++asked, false; });
  ASSERT_NE(whole.proof, kStoppedProof);
  ASSERT_GT(asked, 1);
  for (int last = 1; last <= asked; ++last) {
    int left = last;
    const SplitBound bound = BoundOf(*tight.problem, [&] { return --left <= 0; });
    EXPECT_EQ(bound.proof, kStoppedProof) << last;
    EXPECT_EQ(bound.lower_bound.value, 0);
    EXPECT_FALSE(bound.is_reached);
    EXPECT_FALSE(bound.is_infeasible);
  }
}

TEST(StoppedBound, ChoicesAskOftenAndKeepABound) {
  std::vector<double> gains(200, 1);
  std::vector<std::vector<int32_t>> conflicts(200);
  for (int i = 0; i < 200; ++i)
    conflicts[i] = {std::min((i + 199) % 200, (i + 1) % 200),
                    std::max((i + 199) % 200, (i + 1) % 200)};
  Watch watch(0.02);
  const Choice choice = BestChoice(gains, conflicts, int64_t{1} << 40, watch.stop());
  EXPECT_LT(watch.longest(), kOften);
  EXPECT_FALSE(choice.is_proved);
  EXPECT_GE(choice.upper_bound, 100);
}

}  // namespace
}  // namespace automap

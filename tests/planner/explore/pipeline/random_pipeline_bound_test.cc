// The dynamic programme with memory beside brute force over all cuts, by the length in closed form
// and by the simulated one, on thousands of small chains.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

double Uniform(std::mt19937& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// Layers of up to some GB, one of which now and then is a variable of another.
LayerChain RandomChain(std::mt19937& random) {
  LayerChain chain;
  const int count = 2 + static_cast<int>(random() % 5);
  const double bytes = std::pow(10, 7 + 3 * Uniform(random));
  for (int i = 0; i < count; ++i) {
    Layer& layer = chain.layers.emplace_back();
    layer.name = layer.cut_after = absl::StrCat("layer ", i);
    LayerTimes times;
    times.forward_scaled = {Uniform(random)};
    times.backward_scaled = {2 * Uniform(random)};
    times.forward_fixed = {0.01 * Uniform(random)};
    times.update = {0.1 * Uniform(random)};
    layer.times.push_back(times);
    layer.boundary = {i + 1 < count ? bytes * Uniform(random) : 0};
    layer.saved = {4 * bytes * Uniform(random)};
    layer.variables = layer.gradients = {bytes * Uniform(random)};
    layer.optimizer_state = 2 * layer.variables;
    layer.workspace = {bytes * Uniform(random)};
    layer.variable_count = random() % 4 == 0 ? 0 : 1;
  }
  chain.layers.front().variable_count = 1;
  if (count > 2 && random() % 4 == 0)
    chain.shared.push_back({"tied", {bytes * Uniform(random)}, 0, {0, count - 1}});
  return chain;
}

struct Best {
  double length = INFINITY, simulated = INFINITY, least_pressure = INFINITY;
};

// All cuts whose stages end at one of `places`.
void TryAll(const PipelineProblem& problem, const std::vector<int32_t>& places, PipelineCuts& cuts,
            Best& best) {
  const int32_t layer = cuts.layer_ends.empty() ? 0 : cuts.layer_ends.back();
  const int32_t device = cuts.device_ends.empty() ? 0 : cuts.device_ends.back();
  const bool is_last = static_cast<int32_t>(cuts.layer_ends.size()) + 1 == problem.options().stages;
  for (int32_t end = is_last ? problem.layers() : layer + 1; end <= problem.layers(); ++end) {
    for (const int32_t to : places) {
      if (to <= device || (is_last && to < problem.devices())) continue;
      cuts.layer_ends.push_back(end), cuts.device_ends.push_back(to);
      if (!is_last) {
        TryAll(problem, places, cuts, best);
      } else if (problem.IsLegal(cuts)) {
        const PipelineCost cost = problem.Cost(cuts);
        best.least_pressure = std::min(best.least_pressure, cost.pressure);
        if (cost.fits()) {
          best.length = std::min(best.length, cost.length.value);
          best.simulated = std::min(best.simulated, problem.SimulatedCost(cuts).length.value);
        }
      }
      cuts.layer_ends.pop_back(), cuts.device_ends.pop_back();
    }
  }
}

Best BestAt(const PipelineProblem& problem, const std::vector<int32_t>& places) {
  Best best;
  PipelineCuts cuts;
  TryAll(problem, places, cuts, best);
  return best;
}

// What is no shorter than `than` is not found, and what is, is.
void ExpectShorter(const PipelineProblem& problem, const std::optional<PipelineCuts>& found,
                   double best, double than) {
  if (best > than * (1 + 1e-9)) {
    EXPECT_FALSE(found.has_value());
  } else if (best < than * (1 - 1e-9)) {
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(problem.IsLegal(*found));
    EXPECT_TRUE(problem.Cost(*found).fits());
    EXPECT_NEAR(problem.Cost(*found).length.value, best, 1e-9 * best);
  }
}

TEST(RandomPipelineBounds, WithMemoryBoundAndReachBruteForce) {
  std::mt19937 random(12);
  int feasible = 0, infeasible = 0, equal = 0, proved = 0;
  std::vector<double> gaps;  // of the best by simulation
  for (int trial = 0; trial < 3000; ++trial) {
    LayerChain chain = RandomChain(random);
    chain.group_size = random() % 4 == 0 ? 2 : 1;
    const int each = chain.group_size * (1 + static_cast<int>(random() % 3)),
              servers = 1 + static_cast<int>(random() % 2);
    v1::Cluster message = *ClusterPreset(absl::StrCat("v100x", each, "x", servers, "-25gbps"));
    const double memory = 1.5 * (1 << 30) + std::pow(10, 8 + 2.5 * Uniform(random));
    for (auto& type : *message.mutable_device_types())
      type.set_memory_bytes(static_cast<int64_t>(memory));
    const Cluster cluster = *ClusterFromProto(message);
    const int32_t most =
        std::min<int32_t>(cluster.device_count() / chain.group_size, chain.layers.size());
    const int32_t stages = 1 + static_cast<int32_t>(random() % most);
    const PipelineProblem problem(chain, cluster, {stages, 1 << random() % 4, false});
    if (!problem.Check().ok()) continue;
    std::vector<int32_t> places(problem.devices() + 1);
    std::iota(places.begin(), places.end(), 0);
    const Best best = BestAt(problem, places);
    const PipelineBound bound = BoundOf(problem);
    if (!std::isfinite(best.length)) {
      ++infeasible;
      ASSERT_FALSE(bound.is_found) << trial;
      continue;
    }
    ++feasible;
    ASSERT_LE(bound.lower_bound.value, best.length * (1 + 1e-9)) << trial;
    ASSERT_LE(bound.lower_bound.value, best.simulated * (1 + 1e-9)) << trial;
    gaps.push_back(1 - bound.lower_bound.value / best.simulated);
    ASSERT_TRUE(bound.is_found) << trial;
    const PipelineCost cost = problem.Cost(bound.best);
    ASSERT_TRUE(cost.fits()) << trial;
    ASSERT_GE(cost.length.value, best.length * (1 - 1e-9)) << trial;
    const PipelineBound simulated = SimulatedBoundOf(problem);
    ASSERT_NEAR(simulated.lower_bound.value, best.simulated, 1e-9 * best.simulated) << trial;
    const PipelineCost shortest = problem.SimulatedCost(simulated.best);
    ASSERT_TRUE(shortest.fits()) << trial;
    ASSERT_NEAR(shortest.length.value, best.simulated, 1e-9 * best.simulated) << trial;
    const double than = best.length * (0.9 + 0.3 * Uniform(random));
    const PipelineBound below = QuickBoundOf(problem, nullptr, Seconds{than});
    EXPECT_LE(below.lower_bound.value, best.length * (1 + 1e-9)) << trial;
    ExpectShorter(problem, below.is_found ? std::optional(below.best) : std::nullopt, best.length,
                  than);
    std::erase_if(places, [&](int32_t place) {
      return place > 0 && place < problem.devices() && random() % 3 == 0;
    });
    ExpectShorter(problem, CoarseCuts(problem, places, nullptr, Seconds{than}),
                  BestAt(problem, places).length, than);
    equal += cost.length.value <= best.length * (1 + 1e-9);
    proved += cost.length.value <= bound.lower_bound.value * (1 + 1e-9);
  }
  std::printf("of %d chains that fit: at the optimum %d, proved %d; %d do not fit\n", feasible,
              equal, proved, infeasible);
  std::sort(gaps.begin(), gaps.end());
  const double p99 = gaps[gaps.size() * 99 / 100];
  std::printf("simulated, 99 of 100 are at most %.2f %% above the bound, all at most %.2f %%\n",
              100 * p99, 100 * gaps.back());
  EXPECT_GE(feasible, 1000);
  EXPECT_GE(infeasible, 300);
  EXPECT_GE(equal, feasible * 999 / 1000);
  EXPECT_GE(proved, feasible * 99 / 100);
  EXPECT_LE(p99, 0.01);
}

}  // namespace
}  // namespace automap

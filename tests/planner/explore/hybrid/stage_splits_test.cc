#include "planner/explore/hybrid/stage_splits.h"

#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "planner/oracle/stopped.h"
#include "planner/plan/semantics_proto.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/training_step.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// All legal cuts of a problem.
template <typename Visit>
void ForEachCuts(const PipelineProblem& problem, PipelineCuts& cuts, const Visit& visit) {
  const int32_t stages = problem.options().stages;
  const bool is_last = static_cast<int32_t>(cuts.layer_ends.size()) + 1 == stages;
  const int32_t layer = cuts.layer_ends.empty() ? 0 : cuts.layer_ends.back();
  const int32_t place = cuts.device_ends.empty() ? 0 : cuts.device_ends.back();
  for (int32_t l = is_last ? problem.layers() : layer + 1; l <= problem.layers(); ++l) {
    for (int32_t p = is_last ? problem.devices() : place + 1; p <= problem.devices(); ++p) {
      cuts.layer_ends.push_back(l), cuts.device_ends.push_back(p);
      if (!is_last) {
        ForEachCuts(problem, cuts, visit);
      } else if (problem.IsLegal(cuts)) {
        visit(cuts);
      }
      cuts.layer_ends.pop_back(), cuts.device_ends.pop_back();
    }
  }
}

// The shortest length that fits of all splits and cuts; infinite where none fits.
double BruteForce(const StageSplits& splits, ModelAxis& axis, int32_t stages) {
  double best = INFINITY;
  for (uint32_t bits = 0; bits < (uint32_t{1} << axis.group_count()); ++bits) {
    std::vector<bool> chosen(axis.group_count());
    for (size_t g = 0; g < chosen.size(); ++g) chosen[g] = (bits >> g & 1) != 0;
    const auto chain = axis.Chain(chosen);
    if (!chain.ok()) continue;  // the splits conflict
    const auto problem = splits.ProblemOf(*chain, stages);
    PipelineCuts cuts;
    ForEachCuts(*problem, cuts, [&](const PipelineCuts& all) {
      const PipelineCost cost = problem->Cost(all);
      if (cost.fits()) best = std::min(best, cost.length.value);
    });
  }
  return best;
}

// By how many choices are tried at most: none, so that prices and hill climbing find them, or all.
class SmallModules : public testing::TestWithParam<int64_t> {};

TEST_P(SmallModules, AreSplitAndCutAsBruteForceDoes) {
  std::mt19937 random(5);
  int solved = 0, optimal = 0, proven = 0, infeasible = 0;
  double worst = 0, worst_gap = 0;
  for (int trial = 0; trial < 150; ++trial) {
    std::vector<int64_t> widths;
    const size_t layers = 3 + random() % 2;
    while (widths.size() < layers) widths.push_back(256 << random() % 4);
    const auto module = PreparedModule::Create(PerceptronStep(64 << random() % 3, widths), {});
    ASSERT_TRUE(module.ok()) << module.status();
    v1::Cluster message = *ClusterPreset(absl::StrCat("v100x", 2 << random() % 2, "x2-25gbps"));
    const double memory = 1.5 * (1 << 30) + std::pow(10, 6.5 + 2 * (random() % 100) / 100.0);
    for (auto& type : *message.mutable_device_types())
      type.set_memory_bytes(static_cast<int64_t>(memory));
    const Cluster cluster = *ClusterFromProto(message);
    const auto costs = StepCosts::Create(**module, cluster, 1 << random() % 3, 6);
    ASSERT_TRUE(costs.ok()) << costs.status();
    const int32_t size = 2, stages = 1 + static_cast<int32_t>(random() % 2);
    auto splits = StageSplits::Create(**costs, {size, PresetSemantics(false), false, GetParam()});
    auto axis = ModelAxis::Create(**costs, size, PresetSemantics(false));
    ASSERT_TRUE(splits.ok() && axis.ok());
    ASSERT_LE(axis->group_count(), 10u);
    const double best = BruteForce(*splits, *axis, stages);
    const auto never = [] { return false; };
    auto found = splits->Solve(stages, never);
    if (found) found = splits->Refine(*std::move(found), stages, 100, never);
    const PipelineBound bound = splits->BoundOfStages(stages);
    ASSERT_TRUE(found) << trial;
    if (!std::isfinite(best)) {
      ++infeasible;
      EXPECT_FALSE(found->cost.fits()) << trial;
      continue;
    }
    EXPECT_TRUE(splits->MayFit(stages)) << trial;
    EXPECT_LE(bound.lower_bound.value, best * (1 + 1e-9)) << trial;
    worst_gap = std::max(worst_gap, 1 - bound.lower_bound.value / best);
    EXPECT_LE(splits->LeastTime().value, best * (1 + 1e-9)) << trial;
    ++solved;
    ASSERT_TRUE(found->cost.fits()) << trial << ": " << best;
    EXPECT_GE(found->cost.length.value, best * (1 - 1e-9)) << trial;
    worst = std::max(worst, found->cost.length.value / best - 1);
    optimal += found->cost.length.value <= best * (1 + 1e-9);
    proven += bound.lower_bound.value >= best * (1 - 1e-9);
  }
  std::printf(
      "of %d that fit %d at the optimum, at worst %.2f %% behind, %d proven, gap at most %.1f %%; "
      "%d do not fit\n",
      solved, optimal, 100 * worst, proven, 100 * worst_gap, infeasible);
  EXPECT_GE(solved, 100);
  EXPECT_GE(infeasible, 10);
  if (GetParam() == 0) {
    EXPECT_GE(optimal, solved * 98 / 100);
    EXPECT_LE(worst, 0.08);
  } else {
    EXPECT_EQ(optimal, solved);
    EXPECT_EQ(proven, solved);
  }
}

INSTANTIATE_TEST_SUITE_P(StageSplits, SmallModules, testing::Values(0, 20'000));

// After every number of questions, by the relaxed chain and where all choices are tried: what was
// found before the programme ended is no proof.
TEST(StageSplits, AStoppedBoundClaimsNothing) {
  for (const char* name : {"t5-small-dropout", "scan-lm-7b"}) {
    const auto module = PrepareZoo(name);
    const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x4x2-25gbps"));
    const auto costs = StepCosts::Create(*module, cluster, 2, 12);
    ASSERT_TRUE(costs.ok()) << costs.status();
    auto splits = StageSplits::Create(**costs, {2, PresetSemantics(false), true, 200'000});
    ASSERT_TRUE(splits.ok()) << splits.status();
    int found = 0, complete = 0;
    for (int64_t most = 1; complete == 0; most += most / 2 + 1) {
      int64_t questions = 0;
      const PipelineBound bound = splits->BoundOfStages(2, [&] { return ++questions > most; });
      complete += questions <= most;
      EXPECT_EQ(bound.proof == kStoppedProof, questions > most) << name << " " << most;
      EXPECT_EQ(bound.lower_bound.value > 0, questions <= most) << name << " " << most;
      found += bound.is_found;
    }
    EXPECT_GT(found, complete) << name;
  }
}

// No layer of `least` takes longer or more memory than the same of `chain`, whatever the share of
// the batch, from a device of all to one.
void ExpectNoWorse(const LayerChain& least, const LayerChain& chain, double smallest_share) {
  const auto expect = [](double a, double b, size_t l) {
    EXPECT_LE(a, b * (1 + 1e-9) + 1e-15) << l;
  };
  for (size_t l = 0; l < chain.layers.size(); ++l) {
    const Layer &low = least.layers[l], &layer = chain.layers[l];
    for (size_t type = 0; type < layer.times.size(); ++type) {
      const LayerTimes &a = low.times[type], &b = layer.times[type];
      for (const double share : {smallest_share, 2 * smallest_share, 1.0}) {
        expect((a.forward_fixed + a.forward_scaled * share).value,
               (b.forward_fixed + b.forward_scaled * share).value, l);
        expect((a.backward_fixed + a.backward_scaled * share).value,
               (b.backward_fixed + b.backward_scaled * share).value, l);
      }
      expect(a.update.value, b.update.value, l);
    }
    expect(low.variables.value, layer.variables.value, l);
    expect(low.optimizer_state.value, layer.optimizer_state.value, l);
    expect(low.saved.value, layer.saved.value, l);
    expect(low.gradients.value, layer.gradients.value, l);
    EXPECT_LE(layer.gathered.value, layer.boundary.value) << l;
  }
}

class RelaxedChains : public testing::TestWithParam<const char*> {};

TEST_P(RelaxedChains, AreNoWorseThanTheChainOfAnyChoice) {
  const auto module = PrepareZoo(GetParam());
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x4x2-25gbps"));
  const auto costs = StepCosts::Create(*module, cluster, 1, 12);
  ASSERT_TRUE(costs.ok()) << costs.status();
  std::mt19937 random(7);
  for (const int32_t size : {2, 4}) {
    auto axis = ModelAxis::Create(**costs, size, PresetSemantics(false));
    ASSERT_TRUE(axis.ok()) << axis.status();
    std::printf("%s on %d: %zu groups%s\n", GetParam(), size, axis->group_count(),
                axis->is_additive() ? "" : ", some overlap");
    const LayerChain relaxed = axis->RelaxedChain();
    int made = 0;
    for (int trial = 0; trial < 8; ++trial) {
      std::vector<bool> chosen(axis->group_count());
      for (size_t g = 0; g < chosen.size(); ++g) {
        if (random() % 8 < 5) chosen = axis->With(chosen, {static_cast<int32_t>(g)}, true);
      }
      const auto chain = axis->Chain(chosen);
      if (!chain.ok()) continue;  // the splits conflict
      ++made;
      ExpectNoWorse(relaxed, *chain, size / 8.0);
    }
    EXPECT_GE(made, 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Modules, RelaxedChains,
                         testing::Values("mlp", "vgg19", "t5-small-dropout", "t5-base", "bert-48"),
                         [](const auto& test) { return TestName(test.param); });

TEST(ModelAxis, GainsOfGroupsAddUpToTheChain) {
  const auto module = PreparedModule::Create(PerceptronStep(128, {512, 1024, 1024, 512}), {});
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x4x2-25gbps"));
  const auto costs = StepCosts::Create(**module, cluster, 2, 8);
  auto axis = ModelAxis::Create(**costs, 4, PresetSemantics(false));
  ASSERT_TRUE(axis.ok() && axis->is_additive());
  const LayerChain relaxed = axis->RelaxedChain();
  for (const double price : {0.0, 1e-9, 1e-3}) {
    const std::vector<LayerPrice> prices(relaxed.layers.size(), {2, 0.25, 0, price, 1});
    const auto chain = axis->Chain(axis->Choose(prices));
    ASSERT_TRUE(chain.ok()) << chain.status();
    EXPECT_EQ(chain->group_size, 4);
    ExpectNoWorse(relaxed, *chain, 0.25);
  }
}

TEST(ModelAxis, MustDivideTheDevices) {
  const auto module = PreparedModule::Create(PerceptronStep(8, {16, 16}), {});
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x4x1-25gbps"));
  const auto costs = StepCosts::Create(**module, cluster, 1);
  EXPECT_EQ(ModelAxis::Create(**costs, 3, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace automap

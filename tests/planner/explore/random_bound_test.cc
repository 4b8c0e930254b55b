// Branch and bound with memory beside brute force, on thousands of small steps.
#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "planner/explore/bound.h"
#include "planner/explore/explore_splits.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/legal_choices.h"

namespace automap {
namespace {

// A training step of one or two towers of dense layers with momentum, of random sizes: text and
// roles. Layers go together in chains, each excludes its neighbours; towers are free of each other.
struct RandomStep {
  explicit RandomStep(std::mt19937& random) {
    const int towers = 1 + random() % 2;
    for (int t = 0; t < towers; ++t) {
      const int layers = 1 + random() % (towers == 1 ? 5 : 3);
      std::vector<int> sizes;
      for (int l = 0; l <= layers; ++l) sizes.push_back(kSizes[random() % 4]);
      if (random() % 3 == 0) std::fill(sizes.begin(), sizes.end(), sizes[0]);  // copies
      AddTower(absl::StrCat("t", t, "_"), kBatch[random() % 3], sizes);
    }
    text = absl::StrCat("HloModule step\n\nENTRY main {\n  zero = f32[] constant(0)\n", body,
                        "  ROOT out = (", absl::StrJoin(shapes, ", "), ") tuple(",
                        absl::StrJoin(results, ", "), ")\n}\n");
  }

  static constexpr int kSizes[] = {64, 256, 1024, 4096};
  static constexpr int kBatch[] = {16, 256, 2048};
  std::string text, body;
  std::vector<std::string> shapes, results;
  google::protobuf::RepeatedPtrField<v1::ParameterRole> roles;

 private:
  std::string Parameter(const std::string& name, const std::string& shape,
                        v1::Plan::Sharding::Role role, int replaced_by) {
    v1::ParameterRole& given = *roles.Add();
    given.set_index(roles.size() - 1);
    given.set_role(role);
    if (replaced_by >= 0) given.set_updated_by(replaced_by);
    absl::StrAppend(&body, "  ", name, " = ", shape, " parameter(", roles.size() - 1, ")\n");
    return name;
  }
  void Emit(const std::string& name, const std::string& shape, const std::string& what) {
    absl::StrAppend(&body, "  ", name, " = ", shape, " ", what, "\n");
  }

  void AddTower(const std::string& prefix, int batch, const std::vector<int>& sizes) {
    const auto f32 = [](int rows, int columns) {
      return absl::StrCat("f32[", rows, ",", columns, "]");
    };
    const int layers = static_cast<int>(sizes.size()) - 1;
    const auto name = [&](const char* what, int l) { return absl::StrCat(prefix, what, l); };
    Parameter(name("h", 0), f32(batch, sizes[0]), v1::Plan::Sharding::INPUT, -1);
    for (int l = 1; l <= layers; ++l) {
      const std::string weight = f32(sizes[l - 1], sizes[l]), out = f32(batch, sizes[l]);
      const int result = static_cast<int>(results.size());
      Parameter(name("w", l), weight, v1::Plan::Sharding::VARIABLE, result);
      Parameter(name("m", l), weight, v1::Plan::Sharding::OPTIMIZER_STATE, result + 1);
      shapes.insert(shapes.end(), {weight, weight});
      results.insert(results.end(), {name("new_w", l), name("new_m", l)});
      Emit(name("z", l), out,
           absl::StrCat("dot(", name("h", l - 1), ", ", name("w", l),
                        "), lhs_contracting_dims={1}, rhs_contracting_dims={0}"));
      Emit(name("h", l), out, absl::StrCat("tanh(", name("z", l), ")"));
    }
    std::string gradient = name("h", layers);
    for (int l = layers; l >= 1; --l) {
      const std::string weight = f32(sizes[l - 1], sizes[l]), in = f32(batch, sizes[l - 1]);
      Emit(name("g", l), f32(batch, sizes[l]),
           absl::StrCat("multiply(", gradient, ", ", name("z", l), ")"));
      Emit(name("d", l), weight,
           absl::StrCat("dot(", name("h", l - 1), ", ", name("g", l),
                        "), lhs_contracting_dims={0}, rhs_contracting_dims={0}"));
      Emit(name("new_m", l), weight, absl::StrCat("add(", name("m", l), ", ", name("d", l), ")"));
      Emit(name("new_w", l), weight,
           absl::StrCat("subtract(", name("w", l), ", ", name("new_m", l), ")"));
      Emit(name("e", l), in,
           absl::StrCat("dot(", name("g", l), ", ", name("w", l),
                        "), lhs_contracting_dims={1}, rhs_contracting_dims={1}"));
      gradient = name("e", l);
    }
  }
};

struct Best {
  bool is_found = false;
  double time = 0;
};

// Every choice without conflicts; `least` and `most` of the memory that they need.
Best BruteForce(const SplitProblem& problem, double& least, double& most) {
  Best best;
  least = 1e300, most = 0;
  ForEachLegalChoice(problem, [&](const std::vector<bool>& chosen) {
    const SplitCost cost = problem.Cost(chosen);
    least = std::min(least, cost.peak_memory.value);
    most = std::max(most, cost.peak_memory.value);
    if (!cost.fits || (best.is_found && cost.step_time.value >= best.time)) return;
    best = {true, cost.step_time.value};
  });
  return best;
}

Cluster WithMemory(int devices, double bytes) {
  v1::Cluster cluster = *ClusterPreset(absl::StrCat("v100x", devices, "x1-25gbps"));
  for (auto& type : *cluster.mutable_device_types())
    type.set_memory_bytes(static_cast<int64_t>(bytes + 1.5 * (1 << 30)));
  return *ClusterFromProto(cluster);
}

TEST(RandomBounds, WithMemoryEqualBruteForce) {
  std::mt19937 random(11);
  int with_less = 0, infeasible = 0, trials = 0;
  for (int step = 0; step < 2000; ++step) {
    const RandomStep made(random);
    const auto module = PreparedModule::Create(made.text, made.roles);
    ASSERT_TRUE(module.ok()) << module.status() << made.text;
    const int devices = 2 << random() % 2;
    const bool folds = random() % 2 == 0;
    double least = 0, most = 40e9;
    for (const double share : {2.0, 0.95, 0.6, 0.3, 0.05, -0.05}) {
      const double bytes = share > 1 ? most : least + share * (most - least);
      const SplitTask task =
          *MakeSplitTask(**module, WithMemory(devices, bytes), {"opp", devices, {}, folds, false});
      ASSERT_LE(task.problem->decisions().size(), 12u);
      const SplitBound bound = BoundOf(*task.problem);
      double now_least = 0, now_most = 0;
      const Best best = BruteForce(*task.problem, now_least, now_most);
      if (share > 1) least = now_least, most = now_most;
      ++trials;
      ASSERT_EQ(bound.is_infeasible, !best.is_found) << made.text << bytes;
      infeasible += !best.is_found;
      if (!best.is_found) continue;
      ASSERT_TRUE(bound.is_reached) << made.text << bytes;
      ASSERT_NEAR(bound.lower_bound.value, best.time, 1e-9 * best.time) << made.text << bytes;
      const SplitCost cost = task.problem->Cost(bound.best);
      ASSERT_TRUE(cost.fits) << made.text << bytes;
      ASSERT_NEAR(cost.step_time.value, best.time, 1e-9 * best.time) << made.text << bytes;
      with_less += bound.proof.find("memory included") != std::string::npos;
    }
  }
  std::printf("of %d problems: decided by memory %d, without any plan %d\n", trials, with_less,
              infeasible);
  EXPECT_GE(with_less, trials / 10);
  EXPECT_GE(infeasible, trials / 10);
}

}  // namespace
}  // namespace automap

// bench-hybrid [NAME...]: stages whose arrays are split beside each strategy by itself, memory
// limit on, where memory binds and where it does not. Prints a Markdown table. Every strategy by
// its exact and greedy choices and few decisions of the others; pipelines with every number of
// stages.
#include <chrono>
#include <cstdio>
#include <optional>
#include <set>
#include <string>

#include "planner/plan_module.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct Case {
  const char* module;
  const char* cluster;
};

constexpr Case kCases[] = {
    {"bert-48", "v100x8x2-25gbps"}, {"bert-48", "v100x8x4-25gbps"}, {"t5-base", "v100x8x2-25gbps"},
    {"t5-3b", "v100x8x2-25gbps"},   {"t5-3b", "v100x8x4-25gbps"},   {"t5-11b", "v100x8x2-25gbps"},
    {"t5-11b", "v100x8x4-25gbps"},  {"t5-11b", "v100x8x8-25gbps"},  {"t5-11b", "a100x8x4-200gbps"},
};

absl::StatusOr<v1::Plan> PlanOf(const Case& item, const std::string& strategy, int32_t stages = 0) {
  v1::PlanOptions options;
  options.set_strategy(strategy);
  options.set_stages(stages);
  options.set_max_decisions(50);
  options.set_seed(1);
  return PlanModule(ZooModule(item.module), *ClusterPreset(item.cluster), options, {},
                    [] { return false; });
}

// The best pipeline of any power of two of stages.
std::optional<v1::Plan> BestPipeline(const Case& item, int32_t devices) {
  std::optional<v1::Plan> best;
  for (int32_t stages = 1; stages <= devices; stages *= 2) {
    auto plan = PlanOf(item, "pp", stages);
    if (!plan.ok()) continue;
    if (!best || plan->cost().step_time_s() < best->cost().step_time_s()) best = *std::move(plan);
  }
  return best;
}

std::string Time(double seconds) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", seconds);
  return text;
}

std::string ShapeOf(const v1::Plan& plan) {
  if (plan.stages().empty()) return plan.strategy();
  std::string text = std::to_string(plan.stages_size()) + " stages";
  if (plan.mesh_size() > 0) text += " x " + std::to_string(plan.mesh(0).size()) + " model";
  return text + ", " + std::to_string(plan.micro_batches()) + " micro-batches";
}

void Run(const Case& item) {
  const v1::Cluster cluster = *ClusterPreset(item.cluster);
  int32_t devices = 0;
  for (const auto& server : cluster.servers()) devices += server.devices();
  std::string row = std::string("| ") + item.module + " | " + item.cluster;
  double best = 0;
  const auto add = [&](const v1::Plan* plan) {
    row +=
        plan == nullptr ? std::string(" | does not fit") : " | " + Time(plan->cost().step_time_s());
    const double time = plan == nullptr ? 0 : plan->cost().step_time_s();
    if (time > 0 && (best == 0 || time < best)) best = time;
  };
  for (const char* strategy : {"adp", "opp", "pp"}) {
    const auto plan = PlanOf(item, strategy);
    add(plan.ok() ? &*plan : nullptr);
  }
  const auto pipeline = BestPipeline(item, devices);
  add(pipeline ? &*pipeline : nullptr);
  const auto start = std::chrono::steady_clock::now();
  const auto hybrid = PlanOf(item, "hybrid");
  const double wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!hybrid.ok()) {
    std::printf("%s | does not fit | | | | %.1f |\n", row.c_str(), wall);
    return;
  }
  const absl::Status verdict = VerifyModulePlan(ZooModule(item.module), cluster, *hybrid);
  const double time = hybrid->cost().step_time_s();
  std::printf("%s | %s%s | %s | %s | %.1f %% | %.1f |\n", row.c_str(), Time(time).c_str(),
              verdict.ok() ? "" : " (refused)", ShapeOf(*hybrid).c_str(),
              best > 0 ? Time(best / time).c_str() : "only one that fits",
              100 * hybrid->bound().gap(), wall);
  std::fflush(stdout);
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  const std::set<std::string> wanted(argv + 1, argv + argc);
  std::puts(
      "| module | cluster | adp s | opp s | pp s | pp, any stages s | hybrid s | its shape | best "
      "of "
      "the others over hybrid | gap to its bound | search s "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|");
  for (const automap::Case& item : automap::kCases) {
    if (wanted.empty() || wanted.count(item.module) > 0) automap::Run(item);
  }
  return 0;
}

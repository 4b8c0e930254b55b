// bench-opp: operator partitioning of the paper's models beside its own tables on clusters of
// exactly the axis size, memory limit lifted and on, beside the `paper` preset: where the time
// goes, and what each engine finds. `bench-opp NAME...` picks modules.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <set>

#include "planner/plan/prepared_module.h"
#include "planner/plan/semantics_proto.h"
#include "planner/plan_module.h"
#include "planner/propagation/linkage_groups.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/presets.h"
#include "tests/support/files.h"
#include "tests/support/paper_tables.h"

namespace automap {
namespace {

struct Case {
  const char* module;
  const char* cluster;
  int axis_size;
};
constexpr Case kCases[] = {
    {"t5-base-paper", "v100x4x1-25gbps", 4}, {"t5-3b-paper", "v100x8x1-25gbps", 8},
    {"t5-3b-paper", "v100x8x2-25gbps", 16},  {"t5-3b-paper", "v100x8x4-25gbps", 32},
    {"t5-11b-paper", "v100x8x1-25gbps", 8},  {"t5-11b-paper", "v100x8x2-25gbps", 16},
    {"t5-11b-paper", "v100x8x4-25gbps", 32}, {"vgg19", "v100x8x1-25gbps", 8},
};

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double PeakMemoryMiB() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024.0;
}

double EngineTime(const v1::Plan& plan, const char* engine) {
  for (const auto& row : plan.search().engines()) {
    if (row.engine() == engine) return row.step_time_s();
  }
  return 0;
}

void Run(const Case& item, bool ignore_memory, const char* preset) {
  const std::string bytes = ReadTestData(std::string("zoo/") + item.module + ".hlo.pb.gz");
  const v1::Cluster cluster = *ClusterPreset(item.cluster);
  const double start = Now();
  const auto module = PreparedModule::Create(bytes, {});
  if (!module.ok())
    return (void)std::printf("%s: %s\n", item.module, module.status().ToString().c_str());
  const double prepared = Now();
  FindLinkageGroups((*module)->wiring(), (*module)->roles(), Role::kVariable,
                    {item.axis_size, false});
  const double grouped = Now();
  v1::PlanOptions options;
  options.set_strategy("opp");
  options.set_ignore_memory(ignore_memory);
  options.set_preset(preset);
  const double begin = Now();
  const auto plan = PlanModule(bytes, cluster, options, {}, [] { return false; });
  const double planned = Now();
  if (!plan.ok())
    return (void)std::printf("%s: %s\n", item.module, plan.status().ToString().c_str());
  const absl::Status verdict = VerifyModulePlan(bytes, cluster, *plan);
  const double verified = Now();
  Semantics prices = SemanticsOf(plan->semantics());
  prices.paper_rule = false;  // it refuses the paper's own embedding
  int split = 0;
  for (const auto& sharding : plan->shardings()) {
    bool any = false;
    for (const std::string& axis : sharding.dim_axes()) any |= !axis.empty();
    split += any && sharding.role() == v1::Plan::Sharding::VARIABLE;
  }
  std::printf(
      "%-14s %4d %-7s %-4s | %5.2f %6.3f %6.2f %6.2f %6.2f | %8.0f | %9.4f %9.4f %9.4f %9.4f "
      "%6.2f%% | %9.4f | %4d %5.0f/%3.0f GiB%s | %5.0f MiB %s\n",
      item.module, item.axis_size, preset, ignore_memory ? "off" : "on", prepared - start,
      grouped - prepared, plan->search().wall_s(), verified - planned, verified - begin,
      plan->search().decisions() / std::max(1e-9, plan->search().wall_s()),
      EngineTime(*plan, "dqn"), EngineTime(*plan, "greedy"), EngineTime(*plan, "random"),
      EngineTime(*plan, "exact"), 100 * plan->bound().gap(),
      PlanOfPaper(**module, cluster, item.axis_size, prices).cost().step_time_s(), split,
      plan->cost().peak_memory_bytes() / 1073741824.0,
      plan->cost().memory_limit_bytes() / 1073741824.0, plan->cost().fits() ? "" : "!",
      PeakMemoryMiB(), verdict.ok() ? "" : verdict.ToString().c_str());
  std::fflush(stdout);
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::set<std::string> wanted(argv + 1, argv + argc);
  std::printf(
      "seconds: parse+graph+roles, groups, search, verify, file to verified plan; step time by "
      "engine, seed 0; memory limit off or on\n");
  std::printf(
      "%-14s %4s %-7s %-4s | %5s %6s %6s %6s %6s | %8s | %9s %9s %9s %9s %7s | %9s | %4s %14s | "
      "%s\n",
      "module", "axis", "preset", "mem", "parse", "groups", "search", "verify", "total", "dec/s",
      "dqn", "greedy", "random", "exact", "gap", "paper's", "vars", "memory", "peak RSS");
  for (const automap::Case& item : automap::kCases) {
    if (!wanted.empty() && !wanted.contains(item.module)) continue;
    automap::Run(item, true, "default");
    automap::Run(item, false, "default");
    automap::Run(item, true, "paper");
  }
}

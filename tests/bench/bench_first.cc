// bench-first [MODULE | STRATEGY...]: when the first plan of each of these strategies is streamed,
// for these modules of the zoo, as Markdown; without any, of all. Processor seconds, least of five
// runs in one process: to read the bytes (`read`), from there until the module is ready for the
// strategies (`ready`), and from reading to the first plan that was passed on (`first`; goal 0.1).
#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "planner/hlo/read_module.h"
#include "planner/plan_module.h"
#include "planner/strategy_names.h"
#include "simulator/cluster/presets.h"
#include "tests/support/measured.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr int kRuns = 5;

struct Moments {
  double read = 1e9, ready = 1e9, first = 1e9;
  bool has_plan = false;
};

void Measure(const std::string& bytes, const std::string& cluster, const v1::PlanOptions& options,
             Moments& best) {
  double start = ProcessorNow();
  if (!ReadModule(bytes).ok()) return;
  best.read = std::min(best.read, ProcessorNow() - start);
  start = ProcessorNow();
  bool has_plan = false;
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan&) {
    if (!has_plan) best.first = std::min(best.first, ProcessorNow() - start);
    has_plan = true;
  };
  observer.progress = [&](const v1::Progress& progress) {
    if (progress.phase() == v1::Progress::PROPAGATING && !has_plan)
      best.ready = std::min(best.ready, ProcessorNow() - start);
  };
  (void)PlanModule(bytes, *ClusterPreset(cluster), options, observer, [&] { return has_plan; });
  best.has_plan = has_plan;
}

void PrintModule(const std::string& module, const std::set<std::string>& strategies) {
  const std::string bytes = ZooModule(module);
  for (const char* cluster : {"v100x8x2-25gbps", "v100x8x4-25gbps"}) {
    for (const char* strategy : {"adp", "opp", "pp", "hybrid", "auto"}) {
      if (!strategies.empty() && !strategies.contains(strategy)) continue;
      v1::PlanOptions options;
      options.set_strategy(strategy);
      options.set_ignore_memory(true);
      Moments best;
      for (int run = 0; run < kRuns; ++run) Measure(bytes, cluster, options, best);
      if (!best.has_plan) {
        std::printf("| %s | %s | %s | %.3f | | no plan |\n", module.c_str(), cluster, strategy,
                    best.read);
        continue;
      }
      std::printf("| %s | %s | %s | %.3f | %.3f | %.3f |\n", module.c_str(), cluster, strategy,
                  best.read, best.ready - best.read, best.first - best.read);
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  std::vector<std::string> modules;
  std::set<std::string> strategies;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (automap::IsStrategyName(argument)) {
      strategies.insert(argument);
    } else {
      modules.push_back(argument);
    }
  }
  if (modules.empty()) modules = automap::ZooNames();
  std::printf(
      "| module | cluster | strategy | read | ready | first |\n|---|---|---|---|---|---|\n");
  for (const std::string& module : modules) automap::PrintModule(module, strategies);
}

// bench-paper [FILE]: the paper's Tables 3 to 8 beside ours, as Markdown: operator splits, data
// parallelism and stages of its models on its clusters, `paper` preset, `default` preset and the
// exact answer, with the time from file to plan. Writes to FILE, by default docs/paper-tables.md.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "planner/plan_module.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct Run {
  absl::StatusOr<v1::Plan> plan;
  double wall_s = 0, first_s = 0;
};

Run PlanOf(const std::string& module, const std::string& cluster, const v1::PlanOptions& options) {
  const std::string bytes = ZooModule(module);
  const auto start = std::chrono::steady_clock::now();
  const auto since = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Run run = {absl::UnknownError(""), 0, 0};
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan&) {
    if (run.first_s == 0) run.first_s = since();
  };
  run.plan = PlanModule(bytes, *ClusterPreset(cluster), options, observer, [] { return false; });
  run.wall_s = since();
  return run;
}

v1::PlanOptions Options(const char* strategy, const char* preset, bool ignore_memory) {
  v1::PlanOptions options;
  options.set_strategy(strategy);
  options.set_preset(preset);
  options.set_ignore_memory(ignore_memory);
  options.set_seed(1);
  return options;
}

int SplitVariables(const v1::Plan& plan) {
  int count = 0;
  for (const auto& sharding : plan.shardings()) {
    bool any = false;
    for (const std::string& axis : sharding.dim_axes()) any = any || !axis.empty();
    count += any && sharding.role() == v1::Plan::Sharding::VARIABLE;
  }
  return count;
}

double EngineTime(const v1::Plan& plan, const std::string& engine) {
  for (const auto& row : plan.search().engines()) {
    if (row.engine() == engine) return row.step_time_s();
  }
  return 0;
}

std::string Format(const char* format, auto... values) {
  char text[512];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string Operators() {
  struct Row {
    const char *module, *cluster, *paper;
    int axis;
  };
  const Row rows[] = {
      {"t5-base-paper", "v100x4x1-25gbps", "111 of 111 variables, 0.5 h", 4},
      {"t5-3b-paper", "v100x8x1-25gbps", "397, then 432 of 432, 0.74 + 0.2 h", 8},
      {"t5-11b-paper", "v100x8x1-25gbps", "386, then 432 of 432, 1 + 0.45 h", 8},
      {"vgg19", "v100x8x1-25gbps", "fc1, fc2, predictions; 30 s", 8},
  };
  std::string text =
      "## Tables 3, 4 and 5: operator partitioning, memory limit lifted\n\n"
      "| model, devices | paper | preset | variables split | step time | dqn | greedy | random | "
      "exact | gap | file to plan | first plan "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) {
    for (const char* preset : {"paper", "default"}) {
      v1::PlanOptions options = Options("opp", preset, true);
      options.set_axis_size(row.axis);
      const Run run = PlanOf(row.module, row.cluster, options);
      if (!run.plan.ok()) continue;
      const v1::Plan& plan = *run.plan;
      text += Format(
          "| %s, %d | %s | %s | %d | %.4f s | %.4f | %.4f | %.4f | %.4f | %.2f %% | "
          "%.2f s | %.2f s |\n",
          row.module, row.axis, row.paper, preset, SplitVariables(plan), plan.cost().step_time_s(),
          EngineTime(plan, "dqn"), EngineTime(plan, "greedy"), EngineTime(plan, "random"),
          EngineTime(plan, "exact"), 100 * plan.bound().gap(), run.wall_s, run.first_s);
    }
  }
  return text;
}

std::string Inputs() {
  const char* rows[][3] = {{"t5-base-paper", "v100x8x1-25gbps", "7 of 10 on dim 0, 0.27 h"},
                           {"vgg19", "v100x8x1-25gbps", "2 of 4 on dim 0, 70 s"}};
  std::string text =
      "\n## Table 6: data parallelism\n\n| model | paper | preset | inputs split | on dim 0 | step "
      "time | file to plan |\n|---|---|---|---|---|---|---|\n";
  for (const auto& [module, cluster, paper] : rows) {
    for (const char* preset : {"paper", "default"}) {
      const Run run = PlanOf(module, cluster, Options("adp", preset, true));
      if (!run.plan.ok()) continue;
      std::set<int> inputs, split, first;
      for (const auto& dim : run.plan->input_dims()) {
        inputs.insert(dim.parameter_number());
        if (dim.is_split()) split.insert(dim.parameter_number());
        if (dim.is_split() && dim.dim() == 0) first.insert(dim.parameter_number());
      }
      text += Format("| %s | %s | %s | %zu of %zu | %zu | %.4f s | %.2f s |\n", module, paper,
                     preset, split.size(), inputs.size(), first.size(),
                     run.plan->cost().step_time_s(), run.wall_s);
    }
  }
  return text;
}

std::string Cuts(const v1::Plan& plan) {
  std::string text;
  for (int s = 0; s + 1 < plan.stages_size(); ++s) {
    const auto& stage = plan.stages(s);
    text += Format("%s%d after %s", s > 0 ? ", " : "", stage.first_device() + stage.device_count(),
                   stage.layer().c_str());
  }
  return text;
}

std::string Stages() {
  const char* rows[][4] = {
      {"bert-48", "(8)", "(8,16)", "(8,16,24)"},
      {"t5-base-paper", "", "(8,16)", "(8,16,22)"},
      {"t5-3b-paper", "(8)", "(8,16)", "(8,16,24)"},
      {"t5-11b-paper", "out of memory", "out of memory", "(8,16,24)"},
  };
  std::string text =
      "\n## Tables 7 and 8: stages, batch 64 in 4 micro-batches\n\nCuts are devices and the layer "
      "before them. `inference` is the shipped policy with hill climbing (the paper: BERT-48 on C "
      "after layers 14, 27, 40).\n\n"
      "| model | cluster | paper's device cuts | preset | ours | step time | dqn | greedy | random "
      "| "
      "inference | exact | gap | file to plan "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    for (const int servers : {2, 3, 4}) {
      const std::string cluster = "v100x8x" + std::to_string(servers) + "-25gbps";
      for (const char* preset : {"paper", "default"}) {
        v1::PlanOptions options = Options("pp", preset, false);
        options.set_micro_batches(4);
        Run run = PlanOf(row[0], cluster, options);
        std::string refusal;
        if (!run.plan.ok()) {
          refusal = "memory lifted, because " + std::string(run.plan.status().message()) + ": ";
          options.set_ignore_memory(true);
          run = PlanOf(row[0], cluster, options);
          if (!run.plan.ok()) continue;
        }
        const v1::Plan& plan = *run.plan;
        text +=
            Format("| %s | %c | %s | %s | ", row[0], 'A' + servers - 2, row[servers - 1], preset);
        text += refusal + Cuts(plan);
        text +=
            Format(" | %.4f s | %.4f | %.4f | %.4f | %.4f | %.4f | %.2f %% | %.2f s |\n",
                   plan.cost().step_time_s(), EngineTime(plan, "dqn"), EngineTime(plan, "greedy"),
                   EngineTime(plan, "random"), EngineTime(plan, "inference"),
                   EngineTime(plan, "exact"), 100 * plan.bound().gap(), run.wall_s);
      }
    }
  }
  return text;
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "docs/paper-tables.md";
  std::string text =
      "# The paper's tables beside ours\n\nWritten by `automap bench paper`, seed 1; times of one "
      "run on whatever else the machine did. Step times are our simulator's, seconds. A 0 means "
      "that "
      "the engine did not run.\n\n";
  for (auto* part : {automap::Operators, automap::Inputs, automap::Stages}) {
    text += part();
    std::ofstream(path) << text;
  }
  std::fputs(text.c_str(), stdout);
}

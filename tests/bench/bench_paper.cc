// bench-paper [FILE.md] [PART...]: the paper's Tables 3 to 8 beside ours, as Markdown: operator
// splits, data parallelism and stages of its models on its clusters, `paper` preset, `default`
// preset and the exact answer; and the times from file to verified plan. Writes to FILE, by default
// docs/paper-tables.md. With PARTs (operators, inputs, stages, inference, times) the others stay as
// they are in FILE.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/hlo/read_module.h"
#include "planner/plan_module.h"
#include "planner/search/flat_inference.h"
#include "planner/search/flat_policy.h"
#include "planner/search/pipeline_engines.h"
#include "planner/search/pipeline_inference.h"
#include "planner/search/pipeline_policy.h"
#include "planner/verify_module_plan.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/measured.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Run {
  absl::StatusOr<v1::Plan> plan;
  double wall_s = 0, first_s = 0;
};

Run PlanOf(const std::string& module, const std::string& cluster, const v1::PlanOptions& options) {
  const std::string bytes = ZooModule(module);
  const double start = Now();
  const auto since = [&] { return Now() - start; };
  Run run = {absl::UnknownError(""), 0, 0};
  PlanObserver observer;
  observer.improved_plan = [&](const v1::Plan&) {
    if (run.first_s == 0) run.first_s = since();
  };
  run.plan = PlanModule(bytes, *ClusterPreset(cluster), options, observer, [] { return false; });
  run.wall_s = since();
  return run;
}

// Told how many decisions to make, engines do not stop at the proven optimum.
v1::PlanOptions Options(const char* strategy, const char* preset, bool ignore_memory,
                        int64_t decisions = 2000) {
  v1::PlanOptions options;
  if (preset == std::string("default")) options.set_max_decisions(decisions);
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
      "exact | gap | file to plan and all engines "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) {
    for (const char* preset : {"paper", "default"}) {
      v1::PlanOptions options = Options("opp", preset, true);
      options.set_axis_size(row.axis);
      const Run run = PlanOf(row.module, row.cluster, options);
      if (!run.plan.ok()) continue;
      const v1::Plan& plan = *run.plan;
      text += Format(
          "| %s, %d | %s | %s | %d | %.4f s | %.4f | %.4f | %.4f | %.4f | %.2f %% | "
          "%.2f s |\n",
          row.module, row.axis, row.paper, preset, SplitVariables(plan), plan.cost().step_time_s(),
          EngineTime(plan, "dqn"), EngineTime(plan, "greedy"), EngineTime(plan, "random"),
          EngineTime(plan, "exact"), 100 * plan.bound().gap(), run.wall_s);
    }
  }
  return text;
}

std::string Inputs() {
  const char* rows[][3] = {{"t5-base-paper", "v100x8x1-25gbps", "7 of 10 on dim 0, 0.27 h"},
                           {"vgg19", "v100x8x1-25gbps", "2 of 4 on dim 0, 70 s"}};
  std::string text =
      "\n## Table 6: data parallelism\n\n| model | paper | preset | inputs split | on dim 0 | step "
      "time | file to plan and all engines |\n|---|---|---|---|---|---|---|\n";
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
      "\n## Table 7: stages, batch 64 in 4 micro-batches\n\nCuts are devices and the layer "
      "before them. `inference` is the preset's network that was trained offline: with hill "
      "climbing, or the paper's flat one.\n\n"
      "| model | cluster | paper's device cuts | preset | ours | step time | dqn | greedy | random "
      "| "
      "inference | exact | gap | file to plan and all engines "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    for (const int servers : {2, 3, 4}) {
      const std::string cluster = "v100x8x" + std::to_string(servers) + "-25gbps";
      for (const char* preset : {"paper", "default"}) {
        v1::PlanOptions options = Options("pp", preset, false, UsualDecisions(servers));
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

// Cuts at points, after layers, at devices.
std::string CutsInWords(const LayerChain& chain, const PipelineCuts& cuts) {
  std::string text;
  const int layers = static_cast<int>(chain.layers.size());
  for (size_t s = 0; s + 1 < cuts.layer_ends.size(); ++s) {
    const int end = cuts.layer_ends[s];
    text += Format("%s%d after %s, %d", s > 0 ? "; " : "", (end * 128 + layers - 1) / layers,
                   chain.layers[end - 1].name.c_str(), cuts.device_ends[s]);
  }
  return text;
}

std::string InferredCuts() {
  const auto module = PrepareZoo("bert-48");
  const Cluster cluster = *ClusterFromProto(*ClusterPreset("v100x8x4-25gbps"));
  const LayerChain chain = *ChainOfModule(*module, cluster, 4);
  const PipelineProblem problem(chain, cluster, {4, 4, false});
  std::string text =
      "\n## Table 8: inference, BERT-48 on C\n\nPoints are of the paper's 128; its own cuts: 34 "
      "after layer 14, 66 after 27, 98 after 40. Nothing is learned here; milliseconds of the "
      "processor.\n\n| what | cuts: point and layer, device | step time | over exact | ms "
      "|\n|---|---|---|---|---|\n";
  const PipelineCuts best = SimulatedBoundOf(problem).best;
  const Seconds least = problem.SimulatedCost(best).length;
  const auto add = [&](const char* what, const auto& infer) {
    const double start = ProcessorNow();
    const PipelineCuts cuts = infer();
    const double milliseconds = 1e3 * (ProcessorNow() - start);
    const Seconds length = problem.SimulatedCost(cuts).length;
    text +=
        Format("| %s | %s | %.4f s | %.2f %% | %.2f |\n", what, CutsInWords(chain, cuts).c_str(),
               length.value, 100 * (length / least - 1), milliseconds);
  };
  add("`paper`: flat network",
      [&] { return InferCutsFlat(problem, ShippedFlatPolicy().network)->choice; });
  const SequenceNetwork& network = ShippedPipelinePolicy().network;
  add("`default`: roll-out alone",
      [&] { return InferCuts(problem, network, Inference::kRollOut).choice; });
  add("`default`: polished", [&] { return InferCuts(problem, network).choice; });
  add("exact", [&] { return best; });
  return text;
}

// Processor seconds since the file's bytes were there, and by the clock, better of three runs.
struct Times {
  double read = 1e9, first = 1e9, proven = 1e9, answer = 1e9, verified = 1e9, wall = 1e9;
  double gap = 0;
};

Times TimesOf(const std::string& module, const std::string& cluster,
              const v1::PlanOptions& options) {
  const std::string bytes = ZooModule(module);
  Times best;
  for (int run = 0; run < 3; ++run) {
    double start = ProcessorNow();
    if (!ReadModule(bytes).ok()) return best;
    best.read = std::min(best.read, ProcessorNow() - start);
    double first = 0, proven = 0;
    PlanObserver observer;
    observer.improved_plan = [&](const v1::Plan&) {
      if (first == 0) first = ProcessorNow() - start;
    };
    observer.progress = [&](const v1::Progress& progress) {
      const bool is_proven = progress.lower_bound_s() > 0 &&
                             progress.best_cost_s() <= progress.lower_bound_s() * (1 + 1e-9);
      if (is_proven && proven == 0) proven = ProcessorNow() - start;
    };
    const double clock = Now();
    start = ProcessorNow();
    const auto plan =
        PlanModule(bytes, *ClusterPreset(cluster), options, observer, [] { return false; });
    if (!plan.ok()) return best;
    best.answer = std::min(best.answer, ProcessorNow() - start);
    if (!VerifyModulePlan(bytes, *ClusterPreset(cluster), *plan).ok()) return best;
    best.wall = std::min(best.wall, Now() - clock);
    best.verified = std::min(best.verified, ProcessorNow() - start);
    best.first = std::min(best.first, first);
    best.proven = std::min(best.proven, proven > 0 ? proven : 1e9);
    best.gap = plan->bound().gap();
  }
  return best;
}

std::string TimesTable() {
  struct Row {
    const char *strategy, *module, *cluster;
    int size;
    double goal;
  };
  std::vector<Row> rows = {{"opp", "t5-base-paper", "v100x4x1-25gbps", 4, 2},
                           {"opp", "t5-3b-paper", "v100x8x1-25gbps", 8, 2},
                           {"opp", "t5-11b-paper", "v100x8x1-25gbps", 8, 2},
                           {"opp", "vgg19", "v100x8x1-25gbps", 8, 0.1},
                           {"adp", "t5-base-paper", "v100x8x1-25gbps", 0, 0.5},
                           {"adp", "vgg19", "v100x8x1-25gbps", 0, 0.5}};
  for (const char* module : {"bert-48", "t5-base-paper", "t5-3b-paper", "t5-11b-paper"}) {
    for (const char* cluster : {"v100x8x2-25gbps", "v100x8x3-25gbps", "v100x8x4-25gbps"})
      rows.push_back({"pp", module, cluster, 4, 2});
  }
  std::string text =
      "\n## Times\n\nDefault preset, memory limit lifted, pp in 4 micro-batches. Processor "
      "seconds, "
      "least of three runs in one process, since the file's bytes were there; but `first`, the "
      "first "
      "plan that was streamed, since the module was read (goal 0.1). `proven`: progress told a "
      "best "
      "at the bound; `gap`: what the simulated step stays above it. `verified` has the verifier's "
      "own reading and proof in it; by the clock it was `wall`, on two cores that others used.\n\n"
      "| what | goal | read | first | proven | answer | verified | wall | gap |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  for (const Row& row : rows) {
    v1::PlanOptions options;
    options.set_strategy(row.strategy);
    options.set_ignore_memory(true);
    if (row.strategy == std::string("opp")) options.set_axis_size(row.size);
    if (row.strategy == std::string("pp")) options.set_micro_batches(row.size);
    const Times times = TimesOf(row.module, row.cluster, options);
    const std::string proven = times.proven < 1e9 ? Format("%.2f", times.proven) : "-";
    text += Format("| %s %s, %s | %g | %.2f | %.3f | %s | %.2f | %.2f | %.2f | %.2f %% |\n",
                   row.strategy, row.module, row.cluster, row.goal, times.read,
                   times.first - times.read, proven.c_str(), times.answer, times.verified,
                   times.wall, 100 * times.gap);
  }
  return text;
}

// The part of the file's text from its heading to the next part's.
std::string PartOf(const std::string& text, const std::string& heading,
                   const std::string& next_heading) {
  const size_t begin = text.find(heading);
  if (begin == std::string::npos) return "";
  const size_t end = next_heading.empty() ? std::string::npos : text.find(next_heading, begin);
  return text.substr(begin, end == std::string::npos ? end : end - begin);
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  const bool names_file = argc > 1 && absl::EndsWith(argv[1], ".md");
  const std::string path = names_file ? argv[1] : "docs/paper-tables.md";
  const std::set<std::string> asked(argv + (names_file ? 2 : 1), argv + argc);
  std::stringstream before;
  before << std::ifstream(path).rdbuf();
  struct Part {
    const char *name, *heading;
    std::string (*write)();
  };
  const Part parts[] = {{"operators", "## Tables 3, 4 and 5", automap::Operators},
                        {"inputs", "\n## Table 6", automap::Inputs},
                        {"stages", "\n## Table 7", automap::Stages},
                        {"inference", "\n## Table 8", automap::InferredCuts},
                        {"times", "\n## Times", automap::TimesTable}};
  const auto is_part = [&](const std::string& name) {
    return std::any_of(std::begin(parts), std::end(parts),
                       [&](const Part& part) { return name == part.name; });
  };
  if (!std::all_of(asked.begin(), asked.end(), is_part)) {
    std::fputs("bench-paper [FILE.md] [operators] [inputs] [stages] [inference] [times]\n", stderr);
    return 2;
  }
  std::string text =
      "# The paper's tables beside ours\n\nWritten by `automap bench paper`, seed 1; times of one "
      "run on whatever else the machine did. Step times are our simulator's, seconds. A 0 means "
      "that the engine did not run.\n\n";
  for (size_t i = 0; i < std::size(parts); ++i) {
    const char* next = i + 1 < std::size(parts) ? parts[i + 1].heading : "";
    const bool is_kept = !asked.empty() && !asked.contains(parts[i].name);
    text += is_kept ? automap::PartOf(before.str(), parts[i].heading, next) : parts[i].write();
  }
  std::ofstream(path) << text;
  std::fputs(text.c_str(), stdout);
}

// bench-dapple FOLDER: our stages beside those of the DAPPLE planner (HPGO), on its chains,
// clusters, outer replicas and micro-batches, both scored by its own objective T and by the pivot
// form. FOLDER holds dapple-plans.json and dapple-chains.json. Memory limits are lifted, as it has
// none. Beside it, what we would really give: our own simulator's choice for the same chain, memory
// on, and what our plan by T comes to in it, which is why it is not that one.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>

#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/dapple_rows.h"
#include "tests/support/measured.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int kRuns = 5;

// Seconds by the clock and of the processor: the medians of some runs.
std::pair<double, double> TimesOf(const std::function<void()>& run) {
  std::vector<double> walls, processors;
  for (int i = 0; i < kRuns; ++i) {
    const double start = Now();
    const double begun = ProcessorNow();
    run();
    processors.push_back(ProcessorNow() - begun);
    walls.push_back(Now() - start);
  }
  std::sort(walls.begin(), walls.end());
  std::sort(processors.begin(), processors.end());
  return {walls[kRuns / 2], processors[kRuns / 2]};
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string Text(const DapplePlan& plan) {
  if (plan.size() > 6) return std::to_string(plan.size()) + " stages";
  std::string text;
  for (const DappleStage& stage : plan) {
    text += (text.empty() ? "" : " : ") + std::to_string(stage.devices.size()) + " [" +
            std::to_string(stage.begin) + "," + std::to_string(stage.end) + ")";
  }
  return text;
}

// The chain for our simulator: a third of the time is forward, saved are the outputs, Adam.
LayerChain ChainOf(const DappleRow& row) {
  LayerChain chain;
  for (const DappleState& state : row.question.states) {
    Layer layer;
    layer.name = layer.cut_after = std::to_string(chain.layers.size());
    LayerTimes times;
    times.forward_scaled = {state.compute_s / 3};
    times.backward_scaled = {state.compute_s * 2 / 3};
    layer.times.push_back(times);
    layer.boundary = layer.saved = {state.output_bytes};
    layer.variables = layer.gradients = {std::max(0.0, state.parameter_bytes)};
    layer.optimizer_state = layer.variables * 2;
    layer.variable_count = layer.variables.value > 0;
    chain.layers.push_back(layer);
  }
  chain.layers.back().boundary = {0};
  return chain;
}

constexpr int32_t kMostOwnStages = 8;

int32_t MicroBatchesOf(const DappleRow& row) {
  return static_cast<int32_t>(
      std::max<int64_t>(1, std::min<int64_t>(row.global_batch, row.question.micro_batches)));
}

// What the plan that is best by its objective comes to in our simulator, beside ours of `length`.
std::string WhyNotThat(const DappleRow& row, const DapplePlan& plan, const LayerChain& chain,
                       const Cluster& cluster, double length) {
  const int32_t stages = static_cast<int32_t>(plan.size());
  const PipelineProblem problem(chain, cluster, {stages, MicroBatchesOf(row), false});
  PipelineCuts cuts;
  int32_t device = 0;
  for (const DappleStage& stage : plan) {
    device += static_cast<int32_t>(stage.devices.size());
    cuts.layer_ends.push_back(stage.end);
    cuts.device_ends.push_back(device);
  }
  if (device > problem.devices()) return "its stages share devices";  // none of the file's does
  cuts.device_ends.back() = problem.devices();
  if (!problem.IsLegal(cuts)) return "it has stages without variables";
  const PipelineCost cost = problem.SimulatedCost(cuts);
  char text[160];
  if (!cost.fits()) {
    std::snprintf(text, sizeof(text), "it needs %.1f GiB of %.1f",
                  cost.peak_memory.value / (1 << 30), cost.memory_limit.value / (1 << 30));
    return text;
  }
  const Pipeline pipeline = problem.PipelineOf(cuts);
  Seconds sync, send, busy;
  for (const PipelineStage& stage : pipeline.stages) {
    sync = std::max(sync, stage.gradient_sync);
    send = std::max(send, stage.send);
    busy = std::max(busy, stage.forward + stage.backward);
  }
  std::snprintf(
      text, sizeof(text),
      "it takes %.4f s here, %+.1f %%: all-reduce %.3f, slowest stage %.3f, transfers %.3f",
      cost.length.value, 100 * (cost.length.value / length - 1), sync.value,
      busy.value * pipeline.micro_batches, 2 * send.value * pipeline.micro_batches);
  return text;
}

// What we would really give, and why it is not `other`.
std::string OwnPlan(const DappleRow& row, const DapplePlan& other) {
  const LayerChain chain = ChainOf(row);
  const Cluster cluster = *ClusterFromProto(
      *ClusterPreset("v100x8x" + std::to_string(row.question.servers) + "-25gbps"));
  std::string best = "nothing fits";
  double length = INFINITY;
  for (int32_t stages = 1; stages <= kMostOwnStages; ++stages) {
    const PipelineProblem problem(chain, cluster, {stages, MicroBatchesOf(row), false});
    if (!problem.Check().ok()) continue;
    const PipelineCuts cuts = WideLocalCuts(problem, EvenCuts(problem));
    const PipelineCost cost = problem.SimulatedCost(cuts);
    if (!cost.fits() || cost.length.value >= length) continue;
    length = cost.length.value;
    best.clear();
    for (int32_t s = 0; s < stages; ++s) {
      best += (s > 0 ? ":" : "") +
              std::to_string(cuts.device_ends[s] - (s > 0 ? cuts.device_ends[s - 1] : 0)) + "<" +
              std::to_string(cuts.layer_ends[s]);
    }
  }
  char text[160];
  std::snprintf(text, sizeof(text), "%s %.4f s", best.c_str(),
                std::isfinite(length) ? length : 0.0);
  return text + std::string("; ") + WhyNotThat(row, other, chain, cluster, length);
}

int Run(const std::string& folder) {
  const auto rows =
      ReadDappleRows(Read(folder + "/dapple-plans.json"), Read(folder + "/dapple-chains.json"));
  std::printf(
      "%-27s %s %4s %4s | %8s %8s %8s | %8s %8s | %9s %9s %9s %9s | "
      "%-10s %-28s %-34s | %s\n",
      "profile", "c", "rp", "M", "its T", "our T", "pure DP", "pivot", "our pv", "its wall",
      "its short", "our wall", "processor", "verdict", "its plan", "our plan",
      "our simulator's plan, memory on; why not our plan by T");
  int slower = 0, slower_busy = 0, pivot_worse = 0;
  int worse = 0, better = 0, equal = 0, by_data = 0, panicked = 0, disagree = 0;
  for (const DappleRow& row : rows) {
    const double theirs = DappleTime(row.question, row.plan);
    const double pivot = DapplePivotTime(row.question, row.plan);
    // The file has six digits.
    const auto differs = [](double a, double b) { return std::abs(a - b) > 6e-6 * std::abs(b); };
    disagree += differs(theirs, row.predicted_s) || differs(pivot, row.pivot_s);
    const DapplePlan plan = BestDapplePlan(row.question);
    const auto [wall, processor] = TimesOf([&] { BestDapplePlan(row.question); });
    slower += wall > row.short_wall_s;
    slower_busy += processor > row.short_wall_s;
    const double stages = DappleTime(row.question, plan);
    const double our_pivot =
        DapplePivotTime(row.question, BestDapplePlan(row.question, DappleObjective::kPivotTime));
    const double data = DappleDataParallelTime(row.question);
    const double ours = std::min(stages, data), other = std::min(theirs, data);
    pivot_worse += std::min(our_pivot, data) > std::min(pivot, data) * (1 + 1e-9);
    const char* verdict = "equal";
    if (ours > other * (1 + 1e-9))
      verdict = "WORSE", ++worse;
    else if (stages > data && theirs > data)
      verdict = "data only", ++by_data;
    else if (ours < other * (1 - 1e-9))
      verdict = "better", ++better;
    else
      ++equal;
    panicked += row.panicked;
    std::printf(
        "%-27s %s %4d %4d | %8.4f %8.4f %8.4f | %8.4f %8.4f | %9.4f %9.4f %9.4f %9.4f | "
        "%-9s%s %-28s "
        "%-34s | %s\n",
        row.profile.c_str(), row.cluster.c_str(), row.question.outer_replicas,
        row.question.micro_batches, theirs, stages, data, pivot, our_pivot, row.wall_s,
        row.short_wall_s, wall, processor, verdict, row.panicked ? "!" : " ",
        Text(row.plan).c_str(), Text(plan).c_str(), OwnPlan(row, plan).c_str());
  }
  std::printf(
      "%zu rows: better %d, equal %d, won by pure data parallelism alone %d, worse %d (by the "
      "pivot form, planned for it: %d); rows where "
      "it panicked (!) %d; rows that took us longer than the useful part of its search, by the "
      "clock: %d, in time of the processor: %d; recorded values that our scorer does not "
      "reproduce: %d\n",
      rows.size(), better, equal, by_data, worse, pivot_worse, panicked, slower, slower_busy,
      disagree);
  return worse + pivot_worse == 0 && disagree == 0 ? 0 : 1;
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc != 2) {
    std::fprintf(stderr,
                 "usage: bench-dapple FOLDER, with dapple-plans.json, dapple-chains.json\n");
    return 2;
  }
  return automap::Run(argv[1]);
}

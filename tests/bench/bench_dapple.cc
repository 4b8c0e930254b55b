// bench-dapple FOLDER: our stages beside those of the DAPPLE planner (HPGO), on its chains,
// clusters, outer replicas and micro-batches, both scored by its own objective T and by the pivot
// form. FOLDER holds dapple-plans.json and dapple-chains.json. Memory limits are lifted, as it has
// none. Beside it, what we would really give: our own simulator's choice for the same chain, memory
// on.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/dapple_rows.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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
std::string OwnPlan(const DappleRow& row) {
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
  const Cluster cluster = *ClusterFromProto(
      *ClusterPreset("v100x8x" + std::to_string(row.question.servers) + "-25gbps"));
  std::string best = "nothing fits";
  double length = INFINITY;
  for (const int32_t stages : {1, 2, row.question.servers}) {
    const int32_t micro_batches =
        std::max<int64_t>(1, std::min<int64_t>(row.global_batch, row.question.micro_batches));
    const PipelineProblem problem(chain, cluster, {stages, micro_batches, false});
    if (!problem.Check().ok()) continue;
    const PipelineCuts cuts = LocalCuts(problem, EvenCuts(problem));
    const PipelineCost cost = problem.Cost(cuts);
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
  return text;
}

int Run(const std::string& folder) {
  const auto rows =
      ReadDappleRows(Read(folder + "/dapple-plans.json"), Read(folder + "/dapple-chains.json"));
  std::printf("%-27s %s %4s %4s | %8s %8s %8s | %8s %8s | %9s %9s %9s | %-10s %-28s %-34s | %s\n",
              "profile", "c", "rp", "M", "its T", "our T", "pure DP", "pivot", "our pv", "its wall",
              "its short", "our wall", "verdict", "its plan", "our plan", "our simulator's plan");
  int pivot_worse = 0, worse = 0, better = 0, equal = 0, by_data = 0, panicked = 0, disagree = 0;
  for (const DappleRow& row : rows) {
    const double theirs = DappleTime(row.question, row.plan);
    const double pivot = DapplePivotTime(row.question, row.plan);
    // The file has six digits.
    const auto differs = [](double a, double b) { return std::abs(a - b) > 6e-6 * std::abs(b); };
    disagree += differs(theirs, row.predicted_s) || differs(pivot, row.pivot_s);
    const double start = Now();
    const DapplePlan plan = BestDapplePlan(row.question);
    const double wall = Now() - start;
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
        "%-27s %s %4d %4d | %8.4f %8.4f %8.4f | %8.4f %8.4f | %9.4f %9.4f %9.4f | %-9s%s %-28s "
        "%-34s | %s\n",
        row.profile.c_str(), row.cluster.c_str(), row.question.outer_replicas,
        row.question.micro_batches, theirs, stages, data, pivot, our_pivot, row.wall_s,
        row.short_wall_s, wall, verdict, row.panicked ? "!" : " ", Text(row.plan).c_str(),
        Text(plan).c_str(), OwnPlan(row).c_str());
  }
  std::printf(
      "%zu rows: better %d, equal %d, won by pure data parallelism alone %d, worse %d (by the "
      "pivot form, planned for it: %d); rows where "
      "it panicked (!) %d; recorded values that our scorer does not reproduce: %d\n",
      rows.size(), better, equal, by_data, worse, pivot_worse, panicked, disagree);
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

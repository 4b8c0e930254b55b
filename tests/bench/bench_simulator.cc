// bench-simulator: how long evaluations take. Best of N with the median beside, on one core.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>

#include "planner/explore/explore_splits.h"
#include "planner/explore/split_memory.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "simulator/pipeline/pipeline_length.h"
#include "simulator/pipeline/simulate_pipeline.h"
#include "simulator/pipeline/simulated_length.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Measure(const char* what, const char* goal, int repeats, const std::function<void()>& run) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const double start = Now();
    run();
    times.push_back(Now() - start);
  }
  std::sort(times.begin(), times.end());
  std::printf("%-64s best %10.2f us  median %10.2f us   goal %s\n", what, 1e6 * times.front(),
              1e6 * times[times.size() / 2], goal);
}

void MeasureSplits(const std::string& name, int devices) {
  const auto prepared = PrepareZoo(name);
  const Cluster cluster =
      *ClusterFromProto(*ClusterPreset("v100x" + std::to_string(devices) + "x1-25gbps"));
  SplitTaskOptions options;
  options.strategy = "opp";
  const auto task = MakeSplitTask(*prepared, cluster, options);
  const SplitProblem& problem = *task->problem;
  std::vector<bool> chosen(problem.decisions().size(), false);
  size_t next = 0;
  std::printf("%s on %d devices, %zu decisions\n", name.c_str(), devices, chosen.size());
  double sum = 0;
  Measure("  time after one decision changes", "50 us", 2000, [&] {
    chosen[0] = !chosen[0];
    sum += problem.StepTime(chosen).value;
  });
  Measure("  time and memory after one decision changes", "50 us", 500, [&] {
    chosen[next++ % chosen.size()] = false;
    sum += problem.Cost(chosen).step_time.value;
  });
  SplitMemory memory(problem, true);
  memory.Peak(chosen);
  Measure("  the same, following the changes", "50 us", 2000, [&] {
    const size_t d = next++ % chosen.size();
    chosen[d] = !chosen[d];
    sum += problem.StepTime(chosen).value + memory.Peak(chosen).value;
  });
  const auto applied = AppliedDecisions::Create(*prepared, task->With(chosen));
  const Mesh mesh = task->With(chosen).mesh();
  const CostModel model = *CostModel::Create(cluster, mesh);
  const auto axes = applied->axes();
  Program program;
  Measure("  lowering", "-", 20, [&] { program = prepared->lowering().Lower(axes); });
  Measure("  full evaluation of a program", "5 ms", 50,
          [&] { sum += model.Evaluate(program).step_time.value; });
  if (sum < 0) std::printf("\n");
}

void MeasurePipelines() {
  Pipeline pipeline = {{}, 64, 1};
  for (int s = 0; s < 32; ++s) {
    PipelineStage& stage = pipeline.stages.emplace_back();
    stage.forward = {1 + 0.01 * s}, stage.backward = {2}, stage.send = stage.send_back = {0.1};
  }
  double sum = 0;
  for (const auto& row : PipelineScheduleCatalog()) {
    Measure((std::string("simulation of 32 stages x 64 micro-batches, ") + row.name).c_str(),
            "1 ms", 200, [&] { sum += SimulatePipeline(pipeline, *row.schedule)->length.value; });
  }
  for (const size_t stages : {4, 8, 32}) {
    const auto some = absl::MakeConstSpan(pipeline.stages).subspan(0, stages);
    constexpr int kMany = 1000;
    Measure(("simulated length of 64 micro-batches, " + std::to_string(stages) + " stages").c_str(),
            "-", 1000, [&] { sum += SimulatedLength(some, 64).value; });
    Measure(("1000 lengths in closed form, " + std::to_string(stages) + " stages").c_str(),
            "1000 us", 200, [&] {
              for (int i = 0; i < kMany; ++i) sum += PipelineLength(some, 64).value;
            });
  }
  if (sum < 0) std::printf("\n");
}

}  // namespace
}  // namespace automap

int main() {
  automap::MeasureSplits("t5-11b-paper", 8);
  automap::MeasureSplits("t5-base-paper", 4);
  automap::MeasurePipelines();
}

// bench-pipeline: stages of the paper's models on its clusters A, B and C: what each engine finds,
// the exact answer, and where the time goes. `bench-pipeline NAME...` picks modules.
#include <chrono>
#include <cstdio>
#include <set>

#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/pipeline_engines.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Run(const std::string& name, const PreparedModule& module, int servers, bool ignore_memory) {
  const Cluster cluster =
      *ClusterFromProto(*ClusterPreset("v100x8x" + std::to_string(servers) + "-25gbps"));
  const double start = Now();
  const auto chain = ChainOfModule(module, cluster, 4);
  if (!chain.ok())
    return (void)std::printf("%s: %s\n", name.c_str(), chain.status().ToString().c_str());
  const double chained = Now();
  const PipelineProblem problem(*chain, cluster, {servers, 4, ignore_memory});
  const double made = Now();
  const PipelineCost local = problem.Cost(LocalCuts(problem, EvenCuts(problem)));
  const double climbed = Now();
  const PipelineBound bound = BoundOf(problem);
  const double bounded = Now();
  std::printf(
      "%-14s %c mem %-3s layers %3d | chain %5.2f problem %5.3f local %6.3f exact %6.3f s | ",
      name.c_str(), 'A' + servers - 2, ignore_memory ? "off" : "on", problem.layers(),
      chained - start, made - chained, climbed - made, bounded - climbed);
  if (!bound.is_found) return (void)std::printf("%s\n", bound.proof.c_str());
  EngineBudget budget;
  budget.decisions = 1500;
  const auto root = [&] { return PipelineEnvironmentOf(problem, Preset::kDefault); };
  const auto dqn = SearchCutsByDqn(root(), budget, {});
  const double trained = Now();
  const PipelineOutcome greedy = SearchCutsGreedily(root(), budget, {});
  const double greedily = Now();
  const PipelineOutcome random = SearchCutsRandomly(root(), budget, {});
  const double exact = problem.Cost(bound.best).length.value;
  std::printf(
      "bound %.5f exact %.5f local %+.2f%% dqn %+.2f%% greedy %+.2f%% random %+.2f%% | dqn %.2f "
      "greedy %.2f s | ",
      bound.lower_bound.value, exact, 100 * (local.length.value / exact - 1),
      100 * (dqn->cost.length.value / exact - 1), 100 * (greedy.cost.length.value / exact - 1),
      100 * (random.cost.length.value / exact - 1), trained - bounded, greedily - trained);
  for (size_t s = 0; s + 1 < bound.best.layer_ends.size(); ++s)
    std::printf(" %d:%s", bound.best.device_ends[s],
                chain->layers[bound.best.layer_ends[s] - 1].name.c_str());
  std::printf("\n");
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::set<std::string> wanted(argv + 1, argv + argc);
  for (const std::string name :
       {"bert-48", "t5-base-paper", "t5-3b-paper", "t5-11b-paper", "vgg19"}) {
    if (!wanted.empty() && !wanted.contains(name)) continue;
    const auto module = automap::PrepareZoo(name);
    for (const int servers : {2, 3, 4}) automap::Run(name, *module, servers, false);
    if (name == "t5-11b-paper")
      for (const int servers : {2, 3, 4}) automap::Run(name, *module, servers, true);
  }
}

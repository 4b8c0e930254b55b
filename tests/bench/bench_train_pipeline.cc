// bench-train-pipeline [--episodes N] [--seed S] [--write FILE]: trains the policy for cuts on
// generated chains and judges it on a thousand others and on the zoo's models: gaps to the best
// that the exact search knows, beside one greedy roll-out on the projections. With --write the
// policy is kept, as planner/search/pipeline_policy.inc. The same seed and number of episodes give
// the same bytes. Without --write or with 0 episodes it judges the shipped one.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

#include "agent/presets.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/pipeline_engines.h"
#include "planner/search/pipeline_policy.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr uint64_t kUnseen = 1'000'000'000;  // seeds of training chains stay below

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Owns the chain that its environment refers to.
class OwningEnvironment final : public Environment {
 public:
  explicit OwningEnvironment(std::shared_ptr<const GeneratedPipeline> made)
      : made_(std::move(made)), environment_(*made_->problem, {}) {}
  int observation_size() const override { return environment_.observation_size(); }
  int num_actions() const override { return environment_.num_actions(); }
  int candidate_features() const override { return environment_.candidate_features(); }
  void Reset() override { environment_.Reset(); }
  bool done() const override { return environment_.done(); }
  void Observe(absl::Span<float> observation) const override { environment_.Observe(observation); }
  void LegalActions(absl::Span<uint8_t> mask) const override { environment_.LegalActions(mask); }
  double Step(int action) override { return environment_.Step(action); }
  std::unique_ptr<Environment> Clone() const override {
    return std::make_unique<OwningEnvironment>(*this);
  }

 private:
  std::shared_ptr<const GeneratedPipeline> made_;
  PipelineEnvironment environment_;
};

struct Gaps {
  std::vector<double> policy, unpolished, greedy;
  std::vector<double> milliseconds;

  void Add(const PipelineProblem& problem, const CandidatePolicy& shipped) {
    const double start = Now();
    const double inferred = InferCuts(problem, shipped).cost.length.value;
    milliseconds.push_back(1e3 * (Now() - start));
    const double alone = InferCuts(problem, shipped, false).cost.length.value;
    EngineBudget once;
    once.decisions = 1;
    const double greedily =
        SearchCutsGreedily(problem, Preset::kDefault, once, {}).cost.length.value;
    const PipelineBound bound = BoundOf(problem);
    const double best = std::min({inferred, greedily, problem.Cost(bound.best).length.value});
    policy.push_back(100 * (inferred / best - 1));
    unpolished.push_back(100 * (alone / best - 1));
    greedy.push_back(100 * (greedily / best - 1));
  }

  static std::string Line(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    char text[128];
    std::snprintf(text, sizeof(text), "median %.3f %%, 95th percentile %.3f %%, worst %.3f %%",
                  values[values.size() / 2], values[values.size() * 95 / 100], values.back());
    return text;
  }
  std::string Text(const std::string& name) const {
    std::vector<double> times = milliseconds;
    std::sort(times.begin(), times.end());
    char text[768];
    std::snprintf(text, sizeof(text),
                  "%s (%zu): policy and polish %s; policy alone %s; one greedy roll-out %s; "
                  "inference median %.2f ms, worst %.2f ms",
                  name.c_str(), policy.size(), Line(policy).c_str(), Line(unpolished).c_str(),
                  Line(greedy).c_str(), times[times.size() / 2], times.back());
    return text;
  }
};

std::string Judge(const CandidatePolicy& policy, int generated) {
  Gaps unseen, real;
  for (int i = 0; i < generated; ++i) unseen.Add(*GeneratePipeline(kUnseen + i)->problem, policy);
  for (const char* name : {"vgg19", "t5-base-paper", "bert-48"}) {
    const auto module = PrepareZoo(name);
    for (const int32_t servers : {2, 3, 4}) {
      const Cluster cluster =
          *ClusterFromProto(*ClusterPreset("v100x8x" + std::to_string(servers) + "-25gbps"));
      const LayerChain chain = *ChainOfModule(*module, cluster, 4);
      real.Add(PipelineProblem(chain, cluster, {servers, 4, true}), policy);
    }
  }
  return unseen.Text("generated, unseen") + "\n" + real.Text("VGG-19, T5-base, BERT-48 on A, B, C");
}

void Write(const std::string& path, const CandidatePolicy& policy, const std::string& report) {
  std::ofstream file(path);
  file << "// Written by bench-train-pipeline --write.\n";
  file << "constexpr int kFeatures = " << policy.features << ", kHidden = " << policy.hidden
       << ";\n";
  file << "constexpr float kParameters[] = {\n";
  char text[32];
  for (size_t i = 0; i < policy.parameters.size(); ++i) {
    std::snprintf(text, sizeof(text), "%a,", policy.parameters[i]);
    file << text << (i % 8 == 7 ? "\n" : "");
  }
  file << "};\nconstexpr char kDigest[] = \"" << PolicyDigest(policy) << "\";\n";
  file << "constexpr char kReport[] = R\"(" << report << ")\";\n";
}

int Run(int64_t episodes, uint64_t seed, const std::string& path, int generated) {
  CandidatePolicy policy = ShippedPipelinePolicy().policy;
  std::string report = ShippedPipelinePolicy().report;
  if (episodes > 0) {
    const auto make = [seed](int64_t index) -> std::unique_ptr<Environment> {
      return std::make_unique<OwningEnvironment>(GeneratePipeline(seed * 1'000'000 + index));
    };
    const double start = Now();
    auto trained = TrainCandidatePolicy(make, OfflinePipelineAgent(), seed, episodes, 25, {},
                                        [](const EpisodeReport&) { return true; });
    if (!trained.ok()) return (void)std::printf("%s\n", trained.status().ToString().c_str()), 1;
    std::printf("trained in %.0f s\n", Now() - start);
    policy = *std::move(trained);
    report = "seed " + std::to_string(seed) + ", " + std::to_string(episodes) +
             " episodes, 25 on each chain\n";
  }
  const std::string judged = Judge(policy, generated);
  std::printf("%s\n%s\n", report.c_str(), judged.c_str());
  if (episodes > 0 && !path.empty()) {
    // Times differ from run to run and stay out of the file.
    Write(path, policy, report);
  }
  return 0;
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  int64_t episodes = 0;
  uint64_t seed = 1;
  int generated = 1000;
  std::string path;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--episodes") episodes = std::atoll(argv[i + 1]);
    if (flag == "--seed") seed = std::atoll(argv[i + 1]);
    if (flag == "--write") path = argv[i + 1];
    if (flag == "--generated") generated = std::max(1, std::atoi(argv[i + 1]));
  }
  return automap::Run(episodes, seed, path, generated);
}

// bench-train-pipeline [--episodes N] [--seed S] [--write FILE] [--generated N]: trains the policy
// for cuts on generated chains and judges it on a thousand others and on the zoo's models: gaps to
// the best that is known, in milliseconds of the processor, beside the same without what was
// learned. With --write the policy is kept, as planner/search/pipeline_policy.inc. The same seed
// and number of episodes give the same bytes. With 0 episodes it judges the shipped one. The
// shipped one: --episodes 100000 --seed 1.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <string>

#include "agent/presets.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/pipeline_inference.h"
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

double ProcessorNow() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

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

// Gaps in percent to the best that is known, for each way to use a policy. The same without what
// it has learned (all parameters zero: the projections alone) stands beside.
class Gaps {
 public:
  void Add(const PipelineProblem& problem, const CandidatePolicy& policy) {
    CandidatePolicy untrained = policy;
    std::fill(untrained.parameters.begin(), untrained.parameters.end(), 0.0f);
    std::map<std::string, double> lengths;
    for (const auto& [name, inference] : kWays) {
      const double start = ProcessorNow();
      lengths[name] = InferCuts(problem, policy, inference).cost.length.value;
      milliseconds_[name].push_back(1e3 * (ProcessorNow() - start));
      lengths[std::string(name) + ", untrained"] =
          InferCuts(problem, untrained, inference).cost.length.value;
    }
    const PipelineBound bound = BoundOf(problem);
    double best = problem.Cost(bound.best).length.value;
    for (const auto& [name, length] : lengths) best = std::min(best, length);
    for (const auto& [name, length] : lengths) gaps_[name].push_back(100 * (length / best - 1));
  }

  void Print(const char* instances) const {
    std::printf(
        "\n| %s: %zu | median gap %% | 95th percentile | worst | median ms | worst ms |\n"
        "|---|---|---|---|---|---|\n",
        instances, gaps_.begin()->second.size());
    for (const auto& [name, gaps] : gaps_) {
      std::printf("| %s | %.3f | %.3f | %.3f |", name.c_str(), At(gaps, 0.5), At(gaps, 0.95),
                  At(gaps, 1));
      const auto times = milliseconds_.find(name);
      if (times == milliseconds_.end()) {
        std::printf(" | |\n");
      } else {
        std::printf(" %.2f | %.2f |\n", At(times->second, 0.5), At(times->second, 1));
      }
    }
  }

 private:
  static constexpr std::pair<const char*, Inference> kWays[] = {
      {"1 roll-out", Inference::kRollOut},
      {"2 beam", Inference::kBeam},
      {"3 beam, polished", Inference::kPolished}};

  static double At(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[std::min<size_t>(values.size() - 1, values.size() * share)];
  }

  std::map<std::string, std::vector<double>> gaps_, milliseconds_;
};

void Judge(const CandidatePolicy& policy, int generated) {
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
  unseen.Print("generated, unseen");
  real.Print("VGG-19, T5-base, BERT-48 on A, B, C");
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
  std::printf("%s", report.c_str());
  Judge(policy, generated);
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

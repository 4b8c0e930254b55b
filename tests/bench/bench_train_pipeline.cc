// bench-train-pipeline [--chains N] [--seed S] [--write FILE] [--generated N]: trains the policy
// for cuts on generated chains and judges it on a thousand others and on the zoo's models: gaps to
// the best that is known, in milliseconds of the processor, beside the same without what was
// learned. With --write the policy is kept, as planner/search/pipeline_policy.inc. The same seed
// and number of chains give the same bytes. With 0 chains it judges the shipped one. The shipped
// one: --chains 1200 --seed 1.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <string>

#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/pipeline_inference.h"
#include "planner/search/pipeline_policy.h"
#include "planner/search/train_pipeline_policy.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr uint64_t kUnseen = 1'000'000'000;  // seeds of training chains stay below

double ProcessorNow() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Gaps in percent to the best that is known (the exact search's cuts and everything below), for
// each way to use a policy. The same without what it has learned, by the projections alone, stands
// beside.
class Gaps {
 public:
  void Add(const PipelineProblem& problem, const SequenceNetwork& network) {
    const SequenceNetwork untrained = network.Untrained();
    std::map<std::string, double> lengths;
    for (const auto& [name, inference] : kWays) {
      const double start = ProcessorNow();
      lengths[name] = InferCuts(problem, network, inference).cost.length.value;
      milliseconds_[name].push_back(1e3 * (ProcessorNow() - start));
      lengths[std::string(name) + ", untrained"] =
          InferCuts(problem, untrained, inference).cost.length.value;
    }
    const PipelineBound bound = BoundOf(problem);
    double best = problem.Cost(bound.best).length.value;
    proven_ += best <= bound.lower_bound.value * (1 + 1e-6);
    for (const auto& [name, length] : lengths) best = std::min(best, length);
    for (const auto& [name, length] : lengths) gaps_[name].push_back(100 * (length / best - 1));
  }

  void Print(const char* instances) const {
    std::printf(
        "\n| %s: %zu, of %d the best is proven | mean gap %% | median | 95th percentile | worst | "
        "median ms | 99th percentile | worst ms |\n|---|---|---|---|---|---|---|---|\n",
        instances, gaps_.begin()->second.size(), proven_);
    for (const auto& [name, gaps] : gaps_) {
      std::printf("| %s | %.3f | %.3f | %.3f | %.3f |", name.c_str(), Mean(gaps), At(gaps, 0.5),
                  At(gaps, 0.95), At(gaps, 1));
      const auto times = milliseconds_.find(name);
      if (times == milliseconds_.end()) {
        std::printf(" | | |\n");
      } else {
        std::printf(" %.2f | %.2f | %.2f |\n", At(times->second, 0.5), At(times->second, 0.99),
                    At(times->second, 1));
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

  static double Mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }

  std::map<std::string, std::vector<double>> gaps_, milliseconds_;
  int proven_ = 0;
};

void Judge(const SequenceNetwork& network, int generated) {
  Gaps unseen, real;
  for (int i = 0; i < generated; ++i) unseen.Add(*GeneratePipeline(kUnseen + i)->problem, network);
  for (const char* name : {"vgg19", "t5-base-paper", "bert-48"}) {
    const auto module = PrepareZoo(name);
    for (const int32_t servers : {2, 3, 4}) {
      const Cluster cluster =
          *ClusterFromProto(*ClusterPreset("v100x8x" + std::to_string(servers) + "-25gbps"));
      const LayerChain chain = *ChainOfModule(*module, cluster, 4);
      real.Add(PipelineProblem(chain, cluster, {servers, 4, true}), network);
    }
  }
  unseen.Print("generated, unseen");
  real.Print("VGG-19, T5-base, BERT-48 on A, B, C");
}

void Write(const std::string& path, const SequenceNetwork& network, const std::string& report) {
  std::ofstream file(path);
  const SequenceShape& shape = network.shape();
  file << "// Written by bench-train-pipeline --write.\n"
       << "constexpr SequenceShape kShape = {" << shape.token_features << ", " << shape.channels
       << ", " << shape.row_features << ", " << shape.hidden << "};\n"
       << "constexpr float kParameters[] = {\n";
  char text[32];
  for (size_t i = 0; i < network.parameters().size(); ++i) {
    std::snprintf(text, sizeof(text), "%a,", network.parameters()[i]);
    file << text << (i % 8 == 7 ? "\n" : "");
  }
  file << "};\nconstexpr char kDigest[] = \"" << PolicyDigest(network) << "\";\n";
  file << "constexpr char kReport[] = R\"(" << report << ")\";\n";
}

// Losses are averages over tenths of the chains. Times differ from run to run and stay out of it.
SequenceNetwork Train(const OfflineTraining& training, std::string& report) {
  const double start = ProcessorNow();
  const int64_t part = std::max<int64_t>(1, training.chains / 10);
  double loss = 0;
  report = "seed " + std::to_string(training.seed) + ", " + std::to_string(training.chains) +
           " chains, " + std::to_string(training.episodes_each) + " episodes on each; losses";
  SequenceNetwork network = TrainPipelinePolicy(training, [&](const OfflineReport& now) {
    loss += now.loss;
    if (now.chain % part != 0) return;
    char text[32];
    std::snprintf(text, sizeof(text), " %.4f", loss / static_cast<double>(part));
    std::printf("%ld chains, %.0f s: loss%s\n", static_cast<long>(now.chain),
                ProcessorNow() - start, text);
    report += text;
    loss = 0;
  });
  report += "\n";
  return network;
}

int Run(const OfflineTraining& training, const std::string& path, int generated) {
  SequenceNetwork network = ShippedPipelinePolicy().network;
  std::string report = ShippedPipelinePolicy().report;
  if (training.chains > 0) network = Train(training, report);
  std::printf("%s", report.c_str());
  if (training.chains > 0 && !path.empty()) Write(path, network, report);
  Judge(network, generated);
  return 0;
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  automap::OfflineTraining training;
  training.chains = 0;
  int generated = 1000;
  std::string path;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--chains") training.chains = std::atoll(argv[i + 1]);
    if (flag == "--seed") training.seed = std::atoll(argv[i + 1]);
    if (flag == "--write") path = argv[i + 1];
    if (flag == "--generated") generated = std::max(1, std::atoi(argv[i + 1]));
  }
  return automap::Run(training, path, generated);
}

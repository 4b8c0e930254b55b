// bench-train-pipeline [--preset default|paper] [--chains N] [--seed S] [--write FILE]
// [--generated N] [--first N]: trains a preset's policy for cuts on generated chains and judges
// both presets' on a thousand others and on the zoo's models: gaps to the best that is known, in
// milliseconds of the processor, beside the same without what was learned. With --write the policy
// is kept, as planner/search/pipeline_policy.inc or flat_policy.inc. The same seed and number of
// chains give the same bytes. With 0 chains it judges the shipped ones. The shipped ones: --chains
// 1200 --seed 1, and --preset paper --chains 20000 --seed 1.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/pipeline_bound.h"
#include "planner/search/flat_inference.h"
#include "planner/search/flat_policy.h"
#include "planner/search/pipeline_inference.h"
#include "planner/search/pipeline_policy.h"
#include "planner/search/train_flat_policy.h"
#include "planner/search/train_pipeline_policy.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/measured.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// What is judged.
struct Policies {
  SequenceNetwork network = ShippedPipelinePolicy().network;
  QNetwork flat = ShippedFlatPolicy().network;
};

// Gaps in percent to the best that is known (the exact search's cuts and everything below), for
// each way to use a policy. The same without what it has learned, by the projections alone, stands
// beside, and the paper's flat network.
class Gaps {
 public:
  void Add(const PipelineProblem& problem, const Policies& policies) {
    const SequenceNetwork untrained = policies.network.Untrained();
    std::map<std::string, double> lengths;
    // Each on a problem of its own, that knows no transfer and no all-reduce yet.
    const auto timed = [&](const std::string& name, const auto& infer) {
      const PipelineProblem fresh(problem.chain(), problem.cluster(), problem.options());
      const double start = ProcessorNow();
      lengths[name] = infer(fresh).cost.length.value;
      milliseconds_[name].push_back(1e3 * (ProcessorNow() - start));
    };
    for (const auto& [name, inference] : kWays) {
      timed(name, [&](const PipelineProblem& fresh) {
        return InferCuts(fresh, policies.network, inference);
      });
      lengths[std::string(name) + ", untrained"] =
          InferCuts(problem, untrained, inference).cost.length.value;
    }
    timed("3 paper: flat network",
          [&](const PipelineProblem& fresh) { return *InferCutsFlat(fresh, policies.flat); });
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
      {"1 roll-out", Inference::kRollOut}, {"2 polished", Inference::kPolished}};

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

void Judge(const Policies& policies, int first, int generated) {
  Gaps unseen, real;
  for (int i = first; i < first + generated; ++i)
    unseen.Add(*GeneratePipeline(UnseenChain(i))->problem, policies);
  for (const char* name : {"vgg19", "t5-base-paper", "bert-48"}) {
    const auto module = PrepareZoo(name);
    for (const int32_t servers : {2, 3, 4}) {
      const Cluster cluster =
          *ClusterFromProto(*ClusterPreset("v100x8x" + std::to_string(servers) + "-25gbps"));
      const LayerChain chain = *ChainOfModule(*module, cluster, 4);
      real.Add(PipelineProblem(chain, cluster, {servers, 4, true}), policies);
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
  file << "};\nconstexpr char kDigest[] = \"" << PolicyDigest(network.parameters()) << "\";\n";
  file << "constexpr char kReport[] = R\"(" << report << ")\";\n";
}

// Appends to a report the averages of something over tenths of the chains. Times differ from run to
// run and stay out of it.
class TenthsReport {
 public:
  TenthsReport(const char* what, int64_t chains, std::string& report)
      : what_(what), part_(std::max<int64_t>(1, chains / 10)), report_(report) {}

  void Add(int64_t chain, double value) {
    sum_ += value;
    if (chain % part_ != 0) return;
    char text[32];
    std::snprintf(text, sizeof(text), " %.4f", sum_ / static_cast<double>(part_));
    std::printf("%ld chains, %.0f s: %s%s\n", static_cast<long>(chain), ProcessorNow() - start_,
                what_, text);
    report_ += text;
    sum_ = 0;
  }

 private:
  const char* const what_;
  const int64_t part_;
  const double start_ = ProcessorNow();
  double sum_ = 0;
  std::string& report_;
};

SequenceNetwork Train(const OfflineTraining& training, std::string& report) {
  report = "seed " + std::to_string(training.seed) + ", " + std::to_string(training.chains) +
           " chains, " + std::to_string(training.episodes_each) + " episodes on each; losses";
  TenthsReport losses("loss", training.chains, report);
  SequenceNetwork network = TrainPipelinePolicy(
      training, [&](const OfflineReport& now) { losses.Add(now.chain, now.loss); });
  report += "\n";
  return network;
}

void Write(const std::string& path, const PackedNetwork& packed, const std::string& report) {
  constexpr size_t kLine = 120;
  std::ofstream file(path);
  file << "// Written by bench-train-pipeline --preset paper --write.\n"
       << "constexpr int kInputs = " << packed.inputs << ", kHidden = " << packed.hidden
       << ", kActions = " << packed.actions << ";\nconstexpr float kScales[] = {";
  char text[32];
  for (const float scale : packed.scales) {
    std::snprintf(text, sizeof(text), "%a,", scale);
    file << text;
  }
  file << "};\nconstexpr char kNumbers[] =\n";
  for (size_t at = 0; at < packed.numbers.size(); at += kLine)
    file << '"' << packed.numbers.substr(at, kLine) << "\"\n";
  file << ";\nconstexpr char kDigest[] = \"" << PolicyDigest(Unpack(packed).parameters) << "\";\n"
       << "constexpr char kReport[] = R\"(" << report << ")\";\n";
}

QNetwork Train(const FlatTraining& training, std::string& report) {
  report = "seed " + std::to_string(training.seed) + ", " + std::to_string(training.chains) +
           " chains, " + std::to_string(training.interactions_each) +
           " decisions on each, an update after " + std::to_string(training.steps_per_update) +
           "; mean returns";
  TenthsReport returns("mean return", training.chains, report);
  absl::StatusOr<QNetwork> network = TrainFlatPolicy(
      training, [&](const FlatReport& now) { returns.Add(now.chain, now.mean_return); });
  report += "\n";
  if (!network.ok()) std::printf("%s\n", network.status().ToString().c_str()), std::exit(1);
  return *std::move(network);
}

struct Options {
  bool is_paper = false;
  OfflineTraining training;
  FlatTraining flat;
  std::string path;
  int first = 0, generated = 1000;
};

// Whether all of them are known and have a value.
bool Read(int argc, char** argv, Options& options) {
  options.training.chains = options.flat.chains = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--preset" && (value == "paper" || value == "default")) {
      options.is_paper = value == "paper";
    } else if (flag == "--chains") {
      options.training.chains = options.flat.chains = std::stoll(value);
    } else if (flag == "--seed") {
      options.training.seed = options.flat.seed = std::stoull(value);
    } else if (flag == "--write") {
      options.path = value;
    } else if (flag == "--first") {
      options.first = std::max(0, std::stoi(value));
    } else if (flag == "--generated") {
      options.generated = std::max(1, std::stoi(value));
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

// Only 0 chains: the shipped ones are judged.
void TrainAndWrite(const Options& options, Policies& policies) {
  std::string report =
      options.is_paper ? ShippedFlatPolicy().report : ShippedPipelinePolicy().report;
  if (options.is_paper && options.flat.chains > 0) {
    const PackedNetwork packed = Pack(Train(options.flat, report));
    policies.flat = Unpack(packed);
    if (!options.path.empty()) Write(options.path, packed, report);
  } else if (!options.is_paper && options.training.chains > 0) {
    policies.network = Train(options.training, report);
    if (!options.path.empty()) Write(options.path, policies.network, report);
  }
  std::printf("%s", report.c_str());
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  automap::Options options;
  if (!automap::Read(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: bench-train-pipeline [--preset default|paper] [--chains N] [--seed S] "
                 "[--write FILE] [--generated N] [--first N]\n");
    return 2;
  }
  automap::Policies policies;
  automap::TrainAndWrite(options, policies);
  automap::Judge(policies, options.first, options.generated);
}

#include "planner/search/train_pipeline_policy.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "agent/sequence/sequence_learner.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/local_cuts.h"
#include "planner/explore/pipeline/pipeline_sequence.h"
#include "planner/explore/pipeline/simple_cuts.h"

namespace automap {
namespace {

constexpr int32_t kLarge = 1500;  // layers x devices
constexpr int32_t kFewStages = 4;
constexpr int32_t kMostStages = 6;  // of which each cut is looked at closely
constexpr double kExplore = 0.3;    // of the actions
constexpr int kExploredBest = 12;   // by score
constexpr int kCompletedBest = 10, kCompletedOthers = 6;
constexpr size_t kSimple = 6;
constexpr double kMostGap = 1;
constexpr float kLeastWeight = 0.15f;  // of a candidate, beside 1 of the best one

// One chain: its episodes, and the best length reached behind each beginning.
class ChainEpisodes {
 public:
  ChainEpisodes(const PipelineProblem& problem, const SequenceNetwork& network, Random& random)
      : problem_(problem),
        network_(network),
        random_(random),
        environment_(PolicyEnvironment(problem)),
        sequence_(environment_),
        tokens_(std::make_shared<std::vector<float>>(sequence_.tokens())),
        encoded_(network.Encode(*tokens_)) {
    std::vector<PipelineCuts> simple = SimpleCuts(problem);
    simple.resize(std::min(simple.size(), kSimple));
    for (const PipelineCuts& cuts : simple) Reach(WideLocalCuts(problem, cuts));
  }

  void Play(double explore) {
    environment_.Reset();
    while (!environment_.done()) {
      Decision decision = {environment_.cuts(), sequence_.QuestionAt(environment_), {}};
      const std::vector<float> scores = network_.Score(encoded_, decision.question);
      std::vector<int> order(scores.size());
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](int a, int b) { return scores[a] > scores[b]; });
      Complete(order, decision);
      const int best = static_cast<int>(std::min<size_t>(order.size(), kExploredBest));
      const int rank = random_.Uniform() < explore ? static_cast<int>(random_.Below(best)) : 0;
      decisions_.push_back(std::move(decision));
      environment_.Step(order[rank]);
    }
    Reach(environment_.cuts());
  }

  std::vector<SequenceSample> Samples() const {
    const Seconds least = reached_.at({});
    std::vector<SequenceSample> samples;
    for (const Decision& decision : decisions_) {
      SequenceSample sample = {tokens_, decision.question, {}, {}};
      sample.targets.assign(decision.question.at.size(), 0.0f);
      sample.weights = sample.targets;
      float best = -1e9f, sum = 0;
      for (const auto& [action, beginning] : decision.beginnings) {
        const Seconds length = std::min(reached_.at(beginning), least * (1 + kMostGap));
        sample.targets[action] = PipelineSequence::ScoreOf(length, least);
        best = std::max(best, sample.targets[action]);
      }
      for (const auto& [action, beginning] : decision.beginnings) {
        sample.weights[action] = kLeastWeight + std::exp(sample.targets[action] - best);
        sum += sample.weights[action];
      }
      for (float& weight : sample.weights) weight /= sum;
      samples.push_back(std::move(sample));
    }
    return samples;
  }

 private:
  struct Decision {
    PipelineCuts before;
    SequenceQuestion question;
    std::vector<std::pair<int, PipelineCuts>> beginnings;  // of the completed actions
  };

  // Completes the best and some other actions of a decision.
  void Complete(const std::vector<int>& order, Decision& decision) {
    const int count = static_cast<int>(order.size());
    const int32_t begun = static_cast<int32_t>(decision.before.layer_ends.size()) + 1;
    const bool is_last = begun + 1 == problem_.options().stages;
    for (int rank = 0; rank < count; ++rank) {
      const bool is_taken = is_last || rank < kCompletedBest ||
                            static_cast<int>(random_.Below(count)) < kCompletedOthers;
      if (!is_taken) continue;
      const PipelineCuts start = environment_.ProjectedCuts(order[rank]);
      const PipelineCuts cuts = rank < kCompletedBest
                                    ? WideLocalCuts(problem_, start, nullptr, begun)
                                    : LocalCuts(problem_, start, nullptr, begun);
      Reach(cuts);
      PipelineCuts beginning = cuts;
      beginning.layer_ends.resize(begun);
      beginning.device_ends.resize(begun);
      decision.beginnings.emplace_back(order[rank], std::move(beginning));
    }
  }

  void Reach(const PipelineCuts& cuts) {
    const Seconds length = problem_.Cost(cuts).length;
    PipelineCuts beginning = cuts;
    for (bool is_over = false; !is_over;) {
      is_over = beginning.layer_ends.empty();
      const auto [found, is_new] = reached_.emplace(beginning, length);
      if (!is_new) found->second = std::min(found->second, length);
      if (is_over) break;
      beginning.layer_ends.pop_back();
      beginning.device_ends.pop_back();
    }
  }

  const PipelineProblem& problem_;
  const SequenceNetwork& network_;
  Random& random_;
  PipelineEnvironment environment_;
  const PipelineSequence sequence_;
  const std::shared_ptr<const std::vector<float>> tokens_;
  const EncodedSequence encoded_;
  std::vector<Decision> decisions_;
  std::map<PipelineCuts, Seconds> reached_;
};

}  // namespace

PipelineEnvironment PolicyEnvironment(const PipelineProblem& problem) {
  PipelineEnvironmentOptions options;
  const int32_t stages = problem.options().stages;
  options.is_thin = stages > kFewStages || problem.layers() * problem.devices() > kLarge;
  options.is_sparse = stages > kMostStages;
  options.is_refined = !options.is_sparse;
  return PipelineEnvironment(problem, options);
}

SequenceNetwork TrainPipelinePolicy(const OfflineTraining& training,
                                    const std::function<void(const OfflineReport&)>& observer) {
  Random weights(training.seed, 0), acting(training.seed, 1), sampling(training.seed, 2);
  SequenceShape shape;
  shape.token_features = PipelineSequence::kTokenFeatures;
  shape.row_features = PipelineSequence::kRowFeatures;
  SequenceLearner learner(SequenceNetwork::Create(shape, weights));
  std::vector<SequenceSample> replay;
  size_t next = 0;  // to be overwritten
  for (int64_t chain = 0; chain < training.chains; ++chain) {
    const auto& generate = chain % 2 == 0 ? GeneratePipeline : GenerateModelLikePipeline;
    const auto made = generate(TrainingChain(training.seed, chain));
    ChainEpisodes episodes(*made->problem, learner.network(), acting);
    for (int64_t i = 0; i < training.episodes_each; ++i) episodes.Play(i == 0 ? 0 : kExplore);
    for (SequenceSample& sample : episodes.Samples()) {
      if (static_cast<int64_t>(replay.size()) < training.replay) {
        replay.push_back(std::move(sample));
      } else {
        replay[next++ % replay.size()] = std::move(sample);
      }
    }
    const double progress = static_cast<double>(chain) / static_cast<double>(training.chains);
    OfflineReport report = {chain + 1, 0};
    for (int update = 0; update < training.updates_each; ++update) {
      std::vector<const SequenceSample*> batch;
      for (int i = 0; i < training.batch; ++i)
        batch.push_back(&replay[sampling.Below(replay.size())]);
      report.loss = learner.Step(batch, training.learning_rate * (1 - 0.95 * progress));
    }
    observer(report);
  }
  return learner.network();
}

}  // namespace automap

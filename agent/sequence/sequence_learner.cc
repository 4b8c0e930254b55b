#include "agent/sequence/sequence_learner.h"

#include <algorithm>
#include <cmath>

#include "agent/sequence/forward_pass.h"
#include "agent/sequence/kernels.h"

namespace automap {
namespace {

constexpr double kFirstDecay = 0.9, kSecondDecay = 0.999, kSmall = 1e-8, kMostNorm = 10;

// One sample forwards and backwards.
class Backward {
 public:
  Backward(const SequenceNetwork& network, std::vector<float>& gradient)
      : network_(network),
        shape_(network.shape()),
        blocks_(network.blocks()),
        gradient_(gradient) {}

  double Run(const SequenceSample& sample, float share) {
    const EncoderPass pass = RunEncoder(network_, *sample.tokens);
    const EncodedSequence sequence = SumStates(pass.back(), shape_.channels);
    // Gradients of the states, and of ranges of them as steps at their ends.
    states_.assign(sequence.states.size(), 0.0f);
    ranges_.assign(sequence.sums.size(), 0.0f);
    std::vector<Scored> scored;
    for (size_t c = 0; c < sample.targets.size(); ++c) {
      if (sample.weights[c] > 0) scored.push_back(Score(sample, sequence, c));
    }
    float level = 0;
    for (const Scored& one : scored) level += sample.weights[one.candidate] * one.error;
    double loss = 0.5 * SequenceLearner::kLevelShare * level * level;
    for (const Scored& one : scored) {
      const float apart = one.error - level, weight = sample.weights[one.candidate];
      loss += 0.5 * weight * apart * apart;
      Candidate(sample.question, sequence.positions, one,
                weight * share * (apart + SequenceLearner::kLevelShare * level));
    }
    for (size_t i = 0; i < states_.size(); ++i) {
      if (i >= static_cast<size_t>(shape_.channels)) ranges_[i] += ranges_[i - shape_.channels];
      states_[i] += ranges_[i];
    }
    Encoder(pass);
    return loss * share;
  }

 private:
  // A candidate's activations, and its score less its target.
  struct Scored {
    size_t candidate = 0;
    std::vector<float> x, h1, h2;
    float error = 0;
  };

  const float* block(int index) const { return &network_.parameters()[blocks_[index].offset]; }
  float* gradient(int index) { return &gradient_[blocks_[index].offset]; }

  Scored Score(const SequenceSample& sample, const EncodedSequence& sequence, size_t c) const {
    const int64_t inputs = blocks_[6].rows, hidden = shape_.hidden;
    Scored one;
    one.candidate = c;
    one.x.resize(inputs), one.h1.resize(hidden), one.h2.resize(hidden);
    const auto relu = [](std::vector<float>& values) {
      for (float& value : values) value = value > 0 ? value : 0;
    };
    ScorerInput(shape_, sequence, sample.question, c, one.x.data());
    Affine(one.x.data(), block(6), block(7), inputs, hidden, one.h1.data());
    relu(one.h1);
    Affine(one.h1.data(), block(8), block(9), hidden, hidden, one.h2.data());
    relu(one.h2);
    Affine(one.h2.data(), block(10), block(11), hidden, 1, &one.error);
    one.error += sample.question.prior[c] - sample.targets[c];
    return one;
  }

  // From the gradient of a candidate's score.
  void Candidate(const SequenceQuestion& question, int positions, const Scored& one, float g) {
    const int64_t inputs = blocks_[6].rows, hidden = shape_.hidden;
    std::vector<float> g1(hidden), g2(hidden), gx(inputs);
    AddOuter(one.h2.data(), &g, hidden, 1, gradient(10), gradient(11));
    for (int64_t j = 0; j < hidden; ++j) g2[j] = one.h2[j] > 0 ? block(10)[j] * g : 0;
    AddOuter(one.h1.data(), g2.data(), hidden, hidden, gradient(8), gradient(9));
    AddBackward(block(8), g2.data(), hidden, hidden, g1.data());
    for (int64_t j = 0; j < hidden; ++j) g1[j] = one.h1[j] > 0 ? g1[j] : 0;
    AddOuter(one.x.data(), g1.data(), inputs, hidden, gradient(6), gradient(7));
    AddBackward(block(6), g1.data(), inputs, hidden, gx.data());
    Input(question, positions, one.candidate, gx.data() + shape_.row_features);
  }

  // Gradients of what ScorerInput took from the states.
  void Input(const SequenceQuestion& question, int positions, size_t c, const float* g) {
    const int channels = shape_.channels, at = question.at[c];
    for (int j = 0; j < channels; ++j) states_[static_cast<size_t>(at) * channels + j] += *g++;
    const auto add_mean = [&](int begin, int end) {
      const float share = 1.0f / static_cast<float>(std::max(1, end - begin));
      for (int j = 0; j < channels; ++j, ++g) {
        if (begin >= end) continue;
        ranges_[static_cast<size_t>(begin) * channels + j] += *g * share;
        ranges_[static_cast<size_t>(end) * channels + j] -= *g * share;
      }
    };
    add_mean(question.from + 1, at + 1);
    add_mean(at + 1, positions);
  }

  void Encoder(const EncoderPass& pass) {
    std::vector<float> out = states_;
    const int channels = shape_.channels;
    const int positions = static_cast<int>(out.size()) / channels;
    std::vector<float> window, window_gradient;
    for (int layer = kConvolutions - 1; layer >= 0; --layer) {
      const int features = layer == 0 ? shape_.token_features : channels;
      std::vector<float> in(static_cast<size_t>(positions) * features, 0.0f);
      window.resize(kWidth * features);
      for (int p = 0; p < positions; ++p) {
        float* const g = &out[static_cast<size_t>(p) * channels];
        const float* const value = &pass[layer + 1][static_cast<size_t>(p) * channels];
        for (int j = 0; j < channels; ++j) g[j] = value[j] > 0 ? g[j] : 0;
        Window(pass[layer], positions, features, p, kApart[layer], window.data());
        AddOuter(window.data(), g, kWidth * features, channels, gradient(2 * layer),
                 gradient(2 * layer + 1));
        if (layer == 0) continue;
        window_gradient.assign(window.size(), 0.0f);
        AddBackward(block(2 * layer), g, kWidth * features, channels, window_gradient.data());
        for (int k = 0; k < kWidth; ++k) {
          const int source = p + (k - kWidth / 2) * kApart[layer];
          if (source < 0 || source >= positions) continue;
          for (int j = 0; j < features; ++j)
            in[static_cast<size_t>(source) * features + j] += window_gradient[k * features + j];
        }
      }
      out = std::move(in);
    }
  }

  const SequenceNetwork& network_;
  const SequenceShape& shape_;
  const std::vector<ParameterBlock> blocks_;
  std::vector<float>& gradient_;
  std::vector<float> states_, ranges_;
};

}  // namespace

SequenceLearner::SequenceLearner(SequenceNetwork network) : network_(std::move(network)) {
  first_.assign(network_.parameters().size(), 0.0f);
  second_ = first_;
}

double SequenceLearner::Gradient(absl::Span<const SequenceSample* const> batch,
                                 std::vector<float>& gradient) const {
  gradient.assign(network_.parameters().size(), 0.0f);
  Backward backward(network_, gradient);
  double loss = 0;
  for (const SequenceSample* sample : batch)
    loss += backward.Run(*sample, 1.0f / static_cast<float>(batch.size()));
  return loss;
}

double SequenceLearner::Step(absl::Span<const SequenceSample* const> batch, double learning_rate) {
  const double loss = Gradient(batch, gradient_);
  double norm = 0;
  for (const float g : gradient_) norm += static_cast<double>(g) * g;
  const double scale = std::min(1.0, kMostNorm / (std::sqrt(norm) + 1e-6));
  ++steps_;
  const double first_share = 1 - std::pow(kFirstDecay, steps_);
  const double second_share = 1 - std::pow(kSecondDecay, steps_);
  std::vector<float>& parameters = network_.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const float g = static_cast<float>(gradient_[i] * scale);
    first_[i] = static_cast<float>(kFirstDecay * first_[i] + (1 - kFirstDecay) * g);
    second_[i] = static_cast<float>(kSecondDecay * second_[i] + (1 - kSecondDecay) * g * g);
    parameters[i] -= static_cast<float>(learning_rate * (first_[i] / first_share) /
                                        (std::sqrt(second_[i] / second_share) + kSmall));
  }
  return loss;
}

}  // namespace automap

#include "agent/sequence/sequence_network.h"

#include <algorithm>
#include <cmath>

#include "agent/sequence/forward_pass.h"
#include "agent/sequence/kernels.h"

namespace automap {
namespace {

void Relu(float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) values[i] = values[i] > 0 ? values[i] : 0;
}

}  // namespace

std::vector<ParameterBlock> SequenceNetwork::blocks() const {
  const int64_t channels = shape_.channels, hidden = shape_.hidden;
  return LayOut({{kWidth * shape_.token_features, channels},
                 {1, channels},
                 {kWidth * channels, channels},
                 {1, channels},
                 {kWidth * channels, channels},
                 {1, channels},
                 {shape_.row_features + 3 * channels, hidden},
                 {1, hidden},
                 {hidden, hidden},
                 {1, hidden},
                 {hidden, 1},
                 {1, 1}});
}

SequenceNetwork SequenceNetwork::Create(const SequenceShape& shape, Random& random) {
  SequenceNetwork network(shape, {});
  const std::vector<ParameterBlock> blocks = network.blocks();
  const int count = static_cast<int>(blocks.size());
  for (int b = 0; b < count; ++b) {
    const double fan_in = static_cast<double>(blocks[b - b % 2].rows);
    const double bound = b + 2 < count ? 1 / std::sqrt(fan_in) : 0;
    for (int64_t i = 0; i < blocks[b].rows * blocks[b].columns; ++i)
      network.parameters_.push_back(static_cast<float>((2 * random.Uniform() - 1) * bound));
  }
  return network;
}

SequenceNetwork SequenceNetwork::Untrained() const {
  return {shape_, std::vector<float>(parameters_.size(), 0.0f)};
}

void Window(const std::vector<float>& values, int positions, int features, int position, int apart,
            float* window) {
  for (int k = 0; k < kWidth; ++k) {
    const int source = position + (k - kWidth / 2) * apart;
    float* const part = window + k * features;
    if (source < 0 || source >= positions) {
      std::fill(part, part + features, 0.0f);
    } else {
      const float* const from = values.data() + static_cast<size_t>(source) * features;
      std::copy(from, from + features, part);
    }
  }
}

EncoderPass RunEncoder(const SequenceNetwork& network, absl::Span<const float> tokens) {
  const SequenceShape& shape = network.shape();
  const std::vector<ParameterBlock> blocks = network.blocks();
  const int positions = static_cast<int>(tokens.size()) / shape.token_features;
  EncoderPass pass = {{tokens.begin(), tokens.end()}};
  std::vector<float> window(kWidth * std::max(shape.token_features, shape.channels));
  for (int layer = 0; layer < kConvolutions; ++layer) {
    const int features = layer == 0 ? shape.token_features : shape.channels;
    std::vector<float> out(static_cast<size_t>(positions) * shape.channels);
    for (int p = 0; p < positions; ++p) {
      Window(pass.back(), positions, features, p, kApart[layer], window.data());
      Affine(window.data(), &network.parameters()[blocks[2 * layer].offset],
             &network.parameters()[blocks[2 * layer + 1].offset], kWidth * features, shape.channels,
             &out[static_cast<size_t>(p) * shape.channels]);
    }
    Relu(out.data(), out.size());
    pass.push_back(std::move(out));
  }
  return pass;
}

EncodedSequence SumStates(std::vector<float> states, int channels) {
  EncodedSequence sequence;
  sequence.positions = static_cast<int>(states.size()) / channels;
  sequence.sums.assign(states.size() + channels, 0.0f);
  for (size_t i = 0; i < states.size(); ++i)
    sequence.sums[i + channels] = sequence.sums[i] + states[i];
  sequence.states = std::move(states);
  return sequence;
}

EncodedSequence SequenceNetwork::Encode(absl::Span<const float> tokens) const {
  return SumStates(std::move(RunEncoder(*this, tokens).back()), shape_.channels);
}

void ScorerInput(const SequenceShape& shape, const EncodedSequence& sequence,
                 const SequenceQuestion& question, size_t c, float* input) {
  const int channels = shape.channels, at = question.at[c];
  input = std::copy_n(&question.rows[c * shape.row_features], shape.row_features, input);
  input = std::copy_n(&sequence.states[static_cast<size_t>(at) * channels], channels, input);
  const auto put_mean = [&](int begin, int end) {
    const float share = 1.0f / static_cast<float>(std::max(1, end - begin));
    const float* const first = &sequence.sums[static_cast<size_t>(begin) * channels];
    const float* const last = &sequence.sums[static_cast<size_t>(end) * channels];
    for (int j = 0; j < channels; ++j) *input++ = (last[j] - first[j]) * share;
  };
  put_mean(question.from + 1, at + 1);
  put_mean(at + 1, sequence.positions);
}

std::vector<float> SequenceNetwork::Score(const EncodedSequence& sequence,
                                          const SequenceQuestion& question) const {
  const std::vector<ParameterBlock> b = blocks();
  const auto block = [&](int index) { return &parameters_[b[index].offset]; };
  std::vector<float> input(b[6].rows), h1(shape_.hidden), h2(shape_.hidden);
  std::vector<float> scores = question.prior;
  for (size_t c = 0; c < scores.size(); ++c) {
    ScorerInput(shape_, sequence, question, c, input.data());
    Affine(input.data(), block(6), block(7), b[6].rows, shape_.hidden, h1.data());
    Relu(h1.data(), h1.size());
    Affine(h1.data(), block(8), block(9), shape_.hidden, shape_.hidden, h2.data());
    Relu(h2.data(), h2.size());
    float learned = 0;
    Affine(h2.data(), block(10), block(11), shape_.hidden, 1, &learned);
    scores[c] += learned;
  }
  return scores;
}

}  // namespace automap

#include "agent/rainbow/q_network.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {

constexpr int64_t kTogether = 16;  // columns whose sums are in registers

// out[columns] = bias + x[rows] W[rows, columns]. `used` is scratch: the rows that count.
void Affine(const float* x, const float* weights, const float* bias, int64_t rows, int64_t columns,
            std::vector<int64_t>& used, float* out) {
  used.clear();
  for (int64_t i = 0; i < rows; ++i) {
    if (x[i] != 0) used.push_back(i);
  }
  int64_t begin = 0;
  for (; begin + kTogether <= columns; begin += kTogether) {
    float sums[kTogether];
    std::copy(bias + begin, bias + begin + kTogether, sums);
    for (const int64_t i : used) {
      const float* row = weights + i * columns + begin;
      for (int64_t j = 0; j < kTogether; ++j) sums[j] += x[i] * row[j];
    }
    std::copy(sums, sums + kTogether, out + begin);
  }
  for (int64_t j = begin; j < columns; ++j) {
    out[j] = bias[j];
    for (const int64_t i : used) out[j] += x[i] * weights[i * columns + j];
  }
}

void Relu(float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) values[i] = std::max(values[i], 0.0f);
}

}  // namespace

std::vector<ParameterBlock> QNetwork::blocks() const {
  return LayOut({{inputs, hidden},
                 {1, hidden},
                 {hidden, hidden},
                 {1, hidden},
                 {hidden, 1},
                 {1, 1},
                 {hidden, actions},
                 {1, actions}});
}

QNetwork QNetwork::Create(int inputs, int hidden, int actions, Random& random) {
  QNetwork network = {inputs, hidden, actions, {}};
  const int fan_in[] = {inputs, inputs, hidden, hidden, hidden, hidden, hidden, hidden};
  int block_index = 0;
  for (const ParameterBlock& block : network.blocks()) {
    const double bound = 1 / std::sqrt(static_cast<double>(std::max(1, fan_in[block_index++])));
    for (int64_t i = 0; i < block.rows * block.columns; ++i) {
      network.parameters.push_back(static_cast<float>((2 * random.Uniform() - 1) * bound));
    }
  }
  return network;
}

std::vector<float> QNetwork::Forward(absl::Span<const float> observations, int count) const {
  const std::vector<ParameterBlock> all = blocks();
  const auto at = [&](int block) { return parameters.data() + all[block].offset; };
  std::vector<float> h1(hidden), h2(hidden), q(static_cast<size_t>(count) * actions);
  std::vector<int64_t> used;
  for (int i = 0; i < count; ++i) {
    Affine(observations.data() + static_cast<size_t>(i) * inputs, at(0), at(1), inputs, hidden,
           used, h1.data());
    Relu(h1.data(), hidden);
    Affine(h1.data(), at(2), at(3), hidden, hidden, used, h2.data());
    Relu(h2.data(), hidden);
    float value = 0;
    Affine(h2.data(), at(4), at(5), hidden, 1, used, &value);
    float* row = q.data() + static_cast<size_t>(i) * actions;
    Affine(h2.data(), at(6), at(7), hidden, actions, used, row);
    float mean = 0;
    for (int a = 0; a < actions; ++a) mean += row[a] / actions;
    for (int a = 0; a < actions; ++a) row[a] += value - mean;
  }
  return q;
}

}  // namespace automap

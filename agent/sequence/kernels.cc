#include "agent/sequence/kernels.h"

namespace automap {
namespace {

constexpr int64_t kLanes = 16;  // columns whose sums stay in registers

float Dot(const float* a, const float* b, int64_t count) {
  float sums[4] = {};
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void Affine(const float* x, const float* weights, const float* bias, int64_t rows, int64_t columns,
            float* out) {
  if (columns == 1) {
    *out = *bias + Dot(x, weights, rows);
    return;
  }
  for (int64_t begin = 0; begin < columns; begin += kLanes) {
    float sums[kLanes];
    for (int64_t j = 0; j < kLanes; ++j) sums[j] = bias[begin + j];
    for (int64_t i = 0; i < rows; ++i) {
      const float scale = x[i];
      const float* row = weights + i * columns + begin;
      for (int64_t j = 0; j < kLanes; ++j) sums[j] += scale * row[j];
    }
    for (int64_t j = 0; j < kLanes; ++j) out[begin + j] = sums[j];
  }
}

void AddOuter(const float* x, const float* g, int64_t rows, int64_t columns, float* gradient,
              float* bias_gradient) {
  for (int64_t j = 0; j < columns; ++j) bias_gradient[j] += g[j];
  for (int64_t i = 0; i < rows; ++i) {
    const float scale = x[i];
    if (scale == 0) continue;
    float* row = gradient + i * columns;
    for (int64_t j = 0; j < columns; ++j) row[j] += scale * g[j];
  }
}

void AddBackward(const float* weights, const float* g, int64_t rows, int64_t columns,
                 float* x_gradient) {
  for (int64_t i = 0; i < rows; ++i) x_gradient[i] += Dot(weights + i * columns, g, columns);
}

}  // namespace automap

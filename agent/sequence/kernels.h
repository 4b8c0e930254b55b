// Products of small dense matrices, with sums in a fixed order.
#pragma once

#include <cstdint>

namespace automap {

// out[columns] = bias + x[rows] W[rows, columns]; columns is 1 or a multiple of 16.
void Affine(const float* x, const float* weights, const float* bias, int64_t rows, int64_t columns,
            float* out);

// gradient[rows, columns] += x^T g, bias_gradient += g.
void AddOuter(const float* x, const float* g, int64_t rows, int64_t columns, float* gradient,
              float* bias_gradient);

// x_gradient[rows] += W g.
void AddBackward(const float* weights, const float* g, int64_t rows, int64_t columns,
                 float* x_gradient);

}  // namespace automap

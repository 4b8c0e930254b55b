#include <algorithm>
#include <numbers>

#include "tests/support/interpreter/operation.h"

namespace automap::interpreter {
namespace {

using Matrix = std::vector<std::vector<Number>>;

Matrix MatrixAt(const Block& block, Dims batch) {
  const size_t rank = batch.size();
  Matrix matrix(block.whole[rank - 2], std::vector<Number>(block.whole[rank - 1]));
  for (size_t i = 0; i < matrix.size(); ++i) {
    for (size_t j = 0; j < matrix[i].size(); ++j) {
      batch[rank - 2] = static_cast<int64_t>(i), batch[rank - 1] = static_cast<int64_t>(j);
      matrix[i][j] = block.At(batch);
    }
  }
  return matrix;
}

// The lower factor of a matrix made positive definite by its diagonal: inputs are arbitrary here.
Matrix Cholesky(const Matrix& a) {
  const size_t n = a.size();
  Matrix factor(n, std::vector<Number>(n, 0));
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = j; i < n; ++i) {
      Number sum = a[i][j];
      for (size_t k = 0; k < j; ++k) sum -= factor[i][k] * factor[j][k];
      factor[i][j] = i == j ? std::sqrt(std::abs(sum) + 1.0) : sum / factor[j][j];
    }
  }
  return factor;
}

// x of op(a) x = b for one right-hand side; zeros on the diagonal are read as ones.
std::vector<Number> Solved(const Matrix& a, std::vector<Number> x, bool lower, bool transposed) {
  const size_t n = a.size();
  const auto at = [&](size_t i, size_t j) { return transposed ? a[j][i] : a[i][j]; };
  for (size_t step = 0; step < n; ++step) {
    const size_t i = lower != transposed ? step : n - 1 - step;
    for (size_t done = 0; done < step; ++done) {
      const size_t j = lower != transposed ? done : n - 1 - done;
      x[i] -= at(i, j) * x[j];
    }
    x[i] /= at(i, i) == Number{0} ? Number{1} : at(i, i);
  }
  return x;
}

Array TriangularSolve(const Operation& it) {
  const auto& options = it.instruction->triangular_solve_options();
  const int rank = it.results[0].rank();
  const int free = options.left_side() ? rank - 1 : rank - 2;
  const int solved = options.left_side() ? rank - 2 : rank - 1;
  // Of x a = b the transpose is a^T x^T = b^T.
  const bool transposed =
      (options.transpose_a() > xla::TriangularSolveOptions::NO_TRANSPOSE) == options.left_side();
  return it.results[0].Filled([&](const Dims& index) {
    Dims place = index;
    std::vector<Number> line;
    for (place[solved] = 0; place[solved] < it.operands[1].whole[solved]; ++place[solved]) {
      line.push_back(it.operands[1].At(place));
    }
    place[free] = 0;
    const Matrix a = MatrixAt(it.operands[0], place);
    return Solved(a, line, options.lower(), transposed)[index[solved]];
  });
}

// The discrete transform over the last dims, by definition.
Array Transform(const Operation& it) {
  const auto& lengths = it.instruction->fft_length();
  const bool is_inverse =
      it.instruction->fft_type() == xla::IFFT || it.instruction->fft_type() == xla::IRFFT;
  const Block &operand = it.operands[0], &result = it.results[0];
  const int first = operand.rank() - lengths.size();
  return result.Filled([&](const Dims& index) {
    Number sum = 0;
    Dims ranges;
    for (int d = first; d < operand.rank(); ++d) ranges.push_back(operand.whole[d]);
    ForEachIndex(ranges, [&](const Dims& k) {
      Dims place = index;
      double turns = 0;
      for (size_t i = 0; i < k.size(); ++i) {
        place[first + i] = k[i];
        turns += static_cast<double>(k[i] * index[first + i]) /
                 static_cast<double>(lengths[static_cast<int>(i)]);
      }
      sum += operand.At(place) * std::polar(1.0, (is_inverse ? 2 : -2) * std::numbers::pi * turns);
    });
    const bool is_real = result.array.type == xla::F32 || result.array.type == xla::F64;
    return is_real ? Number{sum.real()} : sum;
  });
}

// Places of the operands and sums of a batch normalisation.
struct BatchNorm {
  explicit BatchNorm(const Operation& operation)
      : it(operation), feature(operation.instruction->feature_index()) {
    for (int d = 0; d < it.operands[0].rank(); ++d) {
      if (d != feature) count *= static_cast<double>(it.operands[0].whole[d]);
    }
  }
  Number Of(int operand, const Dims& index) const {
    return it.operands[operand].At({index[feature]});
  }
  Number Sum(size_t which, const Dims& index) const {
    const Block& x = it.operands[0];
    const int64_t at = index[feature] - x.begin(feature);
    if (at < 0 || at >= x.array.dims[feature]) return kAbsent;
    return it.sums[which].values[at];
  }
  const Operation& it;
  const int64_t feature;
  double count = 1;
};

constexpr double kEpsilon = 0.125;

Number Normalised(Number x, Number mean, Number variance) {
  return (x - mean) / std::sqrt(std::abs(variance) + kEpsilon);
}

}  // namespace

std::vector<Array> EvaluateMatrices(const Operation& it) {
  if (it.opcode == Opcode::kTriangularSolve) return {TriangularSolve(it)};
  if (it.opcode == Opcode::kFft) return {Transform(it)};
  return {it.results[0].Filled([&](const Dims& index) {
    const size_t rank = index.size();
    return Cholesky(MatrixAt(it.operands[0], index))[index[rank - 2]][index[rank - 1]];
  })};
}

// Training: sums of x and of its squares. Gradient: sums of dy and of dy times the normalised x.
std::vector<Array> BatchNormSums(const Operation& operation) {
  if (operation.opcode != Opcode::kBatchNormTraining &&
      operation.opcode != Opcode::kBatchNormGrad) {
    return {};
  }
  const BatchNorm norm(operation);
  const Block& x = operation.operands[0];
  const int64_t features = x.array.dims[norm.feature];
  std::vector<Array> sums(
      2, Array{x.array.type, {features}, std::vector<Number>(features, Number{0})});
  x.ForEach([&](const Dims& index) {
    const int64_t at = index[norm.feature] - x.begin(norm.feature);
    Number first = x.At(index), second = first * first;
    if (operation.opcode == Opcode::kBatchNormGrad) {
      first = operation.operands[4].At(index);
      second = first * x.At(index);
    }
    sums[0].values[at] += first;
    sums[1].values[at] += second;
  });
  return sums;
}

std::vector<Array> EvaluateBatchNorm(const Operation& operation) {
  Operation it = operation;
  if (it.sums.empty()) it.sums = BatchNormSums(operation);
  const BatchNorm norm(it);
  const auto statistic = [&](const Dims& index, size_t which) {
    Dims place(it.operands[0].rank(), 0);
    place[norm.feature] = index[0];
    const Number mean = norm.Sum(0, place) / norm.count;
    if (which == 0) return mean;
    return norm.Sum(1, place) / norm.count - mean * mean;
  };
  const Block& result = it.results[0];
  if (it.opcode == Opcode::kBatchNormInference) {
    return {result.Filled([&](const Dims& index) {
      return Normalised(it.operands[0].At(index), norm.Of(3, index), norm.Of(4, index)) *
                 norm.Of(1, index) +
             norm.Of(2, index);
    })};
  }
  std::vector<Array> arrays;
  if (it.opcode == Opcode::kBatchNormTraining) {
    arrays.push_back(result.Filled([&](const Dims& index) {
      const Dims feature = {index[norm.feature]};
      return Normalised(it.operands[0].At(index), statistic(feature, 0), statistic(feature, 1)) *
                 norm.Of(1, index) +
             norm.Of(2, index);
    }));
    for (size_t r = 1; r < 3; ++r) {
      arrays.push_back(
          it.results[r].Filled([&](const Dims& index) { return statistic(index, r - 1); }));
    }
    return arrays;
  }
  // x, scale, mean, variance, dy -> dx, dscale, doffset.
  const auto scale_gradient = [&](const Dims& index) {
    return (norm.Sum(1, index) - norm.Of(2, index) * norm.Sum(0, index)) /
           std::sqrt(std::abs(norm.Of(3, index)) + kEpsilon);
  };
  arrays.push_back(result.Filled([&](const Dims& index) {
    const Number x = Normalised(it.operands[0].At(index), norm.Of(2, index), norm.Of(3, index));
    return norm.Of(1, index) / std::sqrt(std::abs(norm.Of(3, index)) + kEpsilon) *
           (it.operands[4].At(index) - norm.Sum(0, index) / norm.count -
            x * scale_gradient(index) / norm.count);
  }));
  for (size_t r = 1; r < 3; ++r) {
    arrays.push_back(it.results[r].Filled([&](const Dims& index) {
      Dims place(it.operands[0].rank(), 0);
      place[norm.feature] = index[0];
      return r == 1 ? scale_gradient(place) : norm.Sum(0, place);
    }));
  }
  return arrays;
}

}  // namespace automap::interpreter

#include "tests/bench/cost_model/wide_resnet.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {

// Elements that batch norm and ReLU read and write for each element of their tensor: statistics
// (1), then the result (2); backward two passes over both gradient and input, and the result.
constexpr double kNormForward = 3, kNormBackward = 5;
// A residual sum with its ReLU.
constexpr double kSumForward = 3, kSumBackward = 3;
constexpr double kBytes = 4;
constexpr int kBlocks[] = {3, 4, 6, 3};
// SGD with momentum: weight, gradient and momentum read, weight and momentum written.
constexpr double kStateBytes = kBytes, kUpdateBytes = 5 * kBytes;

struct Convolution {
  double images, size, in, out, kernel, stride = 1;  // size: of the result
};

// A block of layers: its programs grow convolution by convolution.
class BlockWriter {
 public:
  explicit BlockWriter(const WideResNetStep& step) : step_(step) {}

  // With its batch norm and ReLU.
  void Add(const Convolution& convolution) {
    const ComputeStep kernel = KernelOf(convolution);
    part_.forward.steps.push_back(kernel);
    for (int i = 0; i < 2; ++i) part_.backward.steps.push_back(kernel);
    const double out = Elements(convolution);
    AddSweep(part_.forward, kBytes * kNormForward * out, 2);
    AddSweep(part_.backward, kBytes * kNormBackward * out, 2);
    if (step_.data > 1 && !step_.local_statistics) Synchronize(convolution.out);
    // The convolution's result and, for the next one, its norm's.
    part_.saved += Bytes{kBytes * 2 * out};
    part_.parameters += convolution.kernel * convolution.kernel * convolution.in * convolution.out +
                        2 * convolution.out;
    last_ = out;
  }

  void AddSum() {
    AddSweep(part_.forward, kBytes * kSumForward * last_, 1);
    AddSweep(part_.backward, kBytes * kSumBackward * last_, 1);
  }

  ModelPart Take() {
    if (step_.zero == 3) ExchangeWeights();
    // On the way back: the gradient of the block's result, and of the convolution that ends it.
    part_.workspace = {2 * kBytes * last_};
    if (step_.recompute != Recompute::kFull) return part_;
    part_.workspace += part_.saved;
    part_.saved = {kBytes * last_};
    part_.backward.steps.insert(part_.backward.steps.begin(), part_.forward.steps.begin(),
                                part_.forward.steps.end());
    return part_;
  }

 private:
  static double Elements(const Convolution& c) { return c.images * c.size * c.size * c.out; }

  ComputeStep KernelOf(const Convolution& c) const {
    ComputeStep step;
    step.kind = ComputeKind::kConvolution;
    step.flops = {2 * c.kernel * c.kernel * c.in * Elements(c)};
    const double input = Elements(c) / c.out * c.in * c.stride * c.stride;
    step.bytes = {kBytes * (input + Elements(c) + c.kernel * c.kernel * c.in * c.out)};
    step.shape.rows = Elements(c) / c.out, step.shape.columns = c.out;
    step.shape.channels = 2 * c.in * c.out / (c.in + c.out);
    step.shape.filters = {kBytes * c.kernel * c.kernel * c.in * c.out};
    if (step_.winograd && c.kernel == 3 && c.stride == 1)
      step.shape.winograd_padding = std::pow(std::ceil(c.size / 4) * 4 / c.size, 2);
    return step;
  }

  // Statistics are over the whole batch: mean and variance, and both gradients.
  void Synchronize(double channels) {
    for (Program* program : {&part_.forward, &part_.backward}) {
      for (int i = 0; i < 2; ++i)
        AddCollective(*program, CollectiveKind::kAllReduce, kDataAxis, kBytes * channels);
    }
  }

  void ExchangeWeights() {
    const double bytes = kBytes * part_.parameters;
    AddCollective(part_.forward, CollectiveKind::kAllGather, kDataAxis, bytes);
    AddCollective(part_.backward, CollectiveKind::kAllGather, kDataAxis, bytes);
    AddCollective(part_.backward, CollectiveKind::kReduceScatter, kDataAxis, bytes);
  }

  const WideResNetStep& step_;
  ModelPart part_;
  double last_ = 0;
};

std::vector<ModelPart> PartsOf(const WideResNetStep& step) {
  const double images = step.batch / step.data / step.micro_batches;
  double size = step.image / 2, in = step.filters;
  std::vector<ModelPart> parts;
  BlockWriter stem(step);
  stem.Add({images, size, 3, in, 7, 2});
  parts.push_back(stem.Take());
  size /= 2;
  for (int group = 0; group < 4; ++group) {
    const double filters = step.filters * (1 << group), inner = filters * step.width_factor;
    for (int block = 0; block < kBlocks[group]; ++block) {
      const double stride = group > 0 && block == 0 ? 2 : 1;
      BlockWriter writer(step);
      writer.Add({images, size, in, filters, 1});
      size /= stride;
      writer.Add({images, size, filters, inner, 3, stride});
      if (in != 4 * filters) writer.Add({images, size, in, 4 * filters, 1, stride});
      writer.Add({images, size, inner, 4 * filters, 1});
      writer.AddSum();
      parts.push_back(writer.Take());
      in = 4 * filters;
    }
  }
  ModelPart head;
  AddGemm(head.forward, NumberType::kF32, {images, step.classes, in});
  AddGemmGradients(head.backward, NumberType::kF32, {images, step.classes, in});
  head.parameters = in * step.classes;
  parts.push_back(head);
  return parts;
}

}  // namespace

double ParametersOf(const WideResNetStep& step) {
  double sum = 0;
  for (const ModelPart& part : PartsOf(step)) sum += part.parameters;
  return sum;
}

absl::StatusOr<StepPrediction> Predict(const WideResNetStep& step, const Cluster& cluster) {
  if (std::fmod(step.batch, step.data * step.micro_batches) != 0)
    return absl::InvalidArgumentError("the micro-batches do not divide the batch");
  StepLayout layout;
  layout.type = NumberType::kF32;
  layout.data = step.data;
  layout.micro_batches = step.micro_batches;
  layout.zero = step.zero;
  layout.state_bytes = kStateBytes, layout.update_bytes = kUpdateBytes;
  layout.gradient_bytes = kBytes;
  return PredictStep({PartsOf(step)}, layout, cluster);
}

}  // namespace automap

#include "planner/explore/pipeline/generated_chain.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

enum Shape { kUniform, kNormal, kBinomial, kHeavy, kBlocks, kShapes };

double Normal(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.Uniform();
  return sum;
}

double Draw(Random& random, Shape shape) {
  switch (shape) {
    case kNormal:
      return std::max(0.05, 1 + 0.3 * Normal(random));
    case kBinomial: {
      int count = 0;
      for (int i = 0; i < 16; ++i) count += random.Uniform() < 0.5;
      return count / 8.0;
    }
    case kHeavy:
      return std::exp(Normal(random));
    default:
      return random.Uniform();
  }
}

// Values with sum 1; blocks repeat a short pattern, as layers do.
std::vector<double> Values(Random& random, int count) {
  const Shape shape = static_cast<Shape>(random.Below(kShapes));
  std::vector<double> pattern;
  const int period = shape == kBlocks ? 2 + static_cast<int>(random.Below(6)) : count;
  for (int i = 0; i < period; ++i) pattern.push_back(Draw(random, shape) + 1e-3);
  std::vector<double> values;
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += values.emplace_back(pattern[i % period]);
  for (double& value : values) value /= sum;
  return values;
}

// Between 10^low and 10^high.
double Magnitude(Random& random, double low, double high) {
  return std::pow(10, low + (high - low) * random.Uniform());
}

struct ChainValues {
  std::vector<double> compute, bytes, variables;  // by layer; shares of their sums
};

void Normalise(std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  for (double& value : values) value /= sum;
}

// One to three sections of equal blocks, as in encoders and decoders; or values that grow and fall
// along the chain, as in convolutional networks; with large variables at the ends.
ChainValues ModelLikeValues(Random& random, int count) {
  ChainValues values;
  const bool is_convolutional = random.Below(3) == 0;
  const int sections = is_convolutional ? 1 : 1 + static_cast<int>(random.Below(3));
  const double falls = is_convolutional ? -4 * random.Uniform() : 0;
  const double grows = is_convolutional ? 5 * random.Uniform() : 0;
  for (int section = 0; section < sections; ++section) {
    const int end = count * (section + 1) / sections;
    const int period = 2 + static_cast<int>(random.Below(12));
    const double heavier = 0.5 + random.Uniform();
    ChainValues pattern;
    for (int i = 0; i < period; ++i) {
      pattern.compute.push_back(heavier * (0.02 + std::exp(1.5 * Normal(random))));
      // What crosses inside a block is one, two or four times what crosses between blocks.
      pattern.bytes.push_back((section + 1.0) * (i == 0 ? 1 : 1 << random.Below(3)));
      pattern.variables.push_back(random.Below(2) == 0 ? 1e-3 : Draw(random, kHeavy));
    }
    for (int i = static_cast<int>(values.compute.size()); i < end; ++i) {
      const double along = static_cast<double>(i) / count;
      values.compute.push_back(pattern.compute[i % period] * std::exp(falls * along / 2));
      values.bytes.push_back(pattern.bytes[(i + 1) % period] * std::exp(falls * along));
      values.variables.push_back(pattern.variables[i % period] * std::exp(grows * along));
    }
  }
  Normalise(values.variables);
  values.variables.front() += 0.3 * random.Uniform();
  values.variables.back() += 0.3 * random.Uniform();
  for (auto* of : {&values.compute, &values.bytes, &values.variables}) Normalise(*of);
  return values;
}

// `values` are asked for once what comes before them is drawn.
template <typename MakeValues>
std::unique_ptr<GeneratedPipeline> Generate(Random& random, int least_layers, int most_layers,
                                            const MakeValues& make_values) {
  auto made = std::make_unique<GeneratedPipeline>();
  const char* devices[][2] = {{"v100", "25gbps"}, {"a100", "200gbps"}, {"h100", "400gbps"}};
  const auto& [device, link] = devices[random.Below(3)];
  int32_t servers = 1 + static_cast<int32_t>(random.Below(8));
  int32_t each = 1 + static_cast<int32_t>(random.Below(8));
  while (servers * each < 2) ++each;
  made->cluster =
      *ClusterFromProto(*ClusterPreset(absl::StrCat(device, "x", each, "x", servers, "-", link)));
  const int count = least_layers + static_cast<int>(random.Below(most_layers - least_layers + 1));
  const int32_t stages = 2 + static_cast<int32_t>(random.Below(5));
  const int32_t micro_batches = 2 << random.Below(5);
  const ChainValues values = make_values(count);
  const double seconds = Magnitude(random, -1, 1.5);
  // Bytes that the slowest link would take a share of the compute to send.
  const double bandwidth = made->cluster.servers[0].outside.Reached().value;
  const double sent = seconds / (servers * each) * bandwidth * Magnitude(random, -2, 0.3) * count;
  const double reduced = seconds / (servers * each) * bandwidth * Magnitude(random, -2, 0);
  for (int i = 0; i < count; ++i) {
    Layer layer;
    layer.name = layer.cut_after = absl::StrCat("layer ", i);
    LayerTimes times;
    times.forward_scaled = {seconds * values.compute[i] / 3};
    times.backward_scaled = {seconds * values.compute[i] * 2 / 3};
    layer.times.push_back(times);
    layer.boundary = {i + 1 < count ? sent * values.bytes[i] : 0};
    layer.variables = layer.gradients = {reduced * values.variables[i]};
    layer.variable_count = 1;
    made->chain.layers.push_back(std::move(layer));
  }
  made->problem = std::make_unique<PipelineProblem>(
      made->chain, made->cluster,
      PipelineProblemOptions{std::min(stages, servers * each), micro_batches, true});
  return made;
}

}  // namespace

std::unique_ptr<GeneratedPipeline> GeneratePipeline(uint64_t seed) {
  Random random(seed, 21);
  return Generate(random, 24, 128, [&](int count) {
    ChainValues values;
    values.compute = Values(random, count);
    values.bytes = Values(random, count);
    values.variables = Values(random, count);
    return values;
  });
}

std::unique_ptr<GeneratedPipeline> GenerateModelLikePipeline(uint64_t seed) {
  Random random(seed, 22);
  return Generate(random, 16, 256, [&](int count) { return ModelLikeValues(random, count); });
}

}  // namespace automap

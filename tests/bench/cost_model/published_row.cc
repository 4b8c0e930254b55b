#include "tests/bench/cost_model/published_row.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/bench/cost_model/wide_resnet.h"

namespace automap {
namespace {

using Json = nlohmann::json;

constexpr double kGib = 1 << 30;

Recompute RecomputeOf(const std::string& name) {
  if (name == "full") return Recompute::kFull;
  return name == "selective" ? Recompute::kSelective : Recompute::kNone;
}

Fusion FusionOf(const std::string& name) {
  if (name == "none") return Fusion::kNone;
  if (name == "library") return Fusion::kLibrary;
  return name == "xla" ? Fusion::kXla : Fusion::kByHand;
}

NumberType TypeOf(const std::string& name) {
  if (name == "f32") return NumberType::kF32;
  return name == "bf16" ? NumberType::kBF16 : NumberType::kF16;
}

// A field of the row, else of its software, else the default.
template <typename T>
T ValueOf(const Json& row, const Json& stack, const char* field, T otherwise) {
  return row.value(field, stack.value(field, otherwise));
}

}  // namespace

Cluster ClusterOf(const Json& json) {
  const auto proto =
      json.is_string() ? ClusterPreset(json.get<std::string>()) : ClusterFromJson(json.dump());
  const auto cluster =
      proto.ok() ? ClusterFromProto(*proto) : absl::StatusOr<Cluster>(proto.status());
  if (!cluster.ok())
    std::fprintf(stderr, "%s\n", std::string(cluster.status().message()).c_str()), std::exit(2);
  return *cluster;
}

TransformerStep StepOf(const Json& row, const Json& stack) {
  TransformerStep step;
  const Json& model = row["model"];
  step.hidden = model["hidden"], step.heads = model["heads"], step.layers = model["layers"];
  step.vocab = model["vocab"], step.sequence = model["sequence"];
  step.widening = model.value("widening", 4.0);
  step.experts = model.value("experts", 0.0), step.expert_group = model.value("expertGroup", 0.0);
  step.predicted = ValueOf(row, stack, "predicted", 0.0);
  step.type = TypeOf(row.value("type", "f16"));
  step.tensor = row.value("tensor", 1);
  step.batch = row.value("batch", 1.0);
  step.recompute = RecomputeOf(row.value("recompute", "none"));
  step.sequence_parallel = ValueOf(row, stack, "sequenceParallel", false);
  step.fusion = FusionOf(ValueOf<std::string>(row, stack, "fusion", "by hand"));
  step.update_bytes = ValueOf(row, stack, "updateBytes", 30.0);
  step.gradient_bytes = ValueOf(row, stack, "gradientBytes", 0.0);
  step.accumulation_bytes = ValueOf(row, stack, "accumulationBytes", 0.0);
  step.gradient_sweeps = ValueOf(row, stack, "gradientSweeps", 0.0);
  step.fused_attention = ValueOf(row, stack, "fusedAttention", false);
  step.overlap_tensor = ValueOf(row, stack, "overlapTensor", false);
  step.overlap_all = ValueOf(row, stack, "overlapAll", false);
  step.overlap_data = ValueOf(row, stack, "overlapData", false);
  step.scatter_gather = ValueOf(row, stack, "scatterGather", true);
  step.zero = ValueOf(row, stack, "zero", 0);
  return step;
}

PublishedRow::PublishedRow(const Json& row, const Json& stacks)
    : row_(row), stack_(Json::object()), cluster_(ClusterOf(row["cluster"])) {
  const std::string stack = row.value("stack", "");
  if (stack.empty()) return;
  if (!stacks.contains(stack))
    std::fprintf(stderr, "row \"%s\": no stack \"%s\"\n", name().c_str(), stack.c_str()),
        std::exit(2);
  stack_ = stacks[stack];
}

std::string PublishedRow::constant() const {
  const std::string device = cluster_.types[0].name.substr(0, cluster_.types[0].name.find('-'));
  if (row_.contains("wideResNet")) return absl::StrCat("convolution of ", device);
  return absl::StrCat(row_.value("type", "f16") == "f32" ? "matmul.f32 of " : "matmul of ", device);
}

Cluster PublishedRow::ScaledCluster(double scale) const {
  Cluster cluster = cluster_;
  const auto kind = row_.contains("wideResNet") ? ComputeKind::kConvolution : ComputeKind::kMatmul;
  for (DeviceType& type : cluster.types) {
    for (double& share : type.efficiency[static_cast<int>(kind)]) share *= scale;
  }
  return cluster;
}

absl::StatusOr<StepPrediction> PublishedRow::PredictChoice(const Choice& choice,
                                                           const Cluster& cluster) const {
  if (row_.contains("wideResNet")) {
    const Json& model = row_["wideResNet"];
    WideResNetStep step;
    step.image = model["image"], step.filters = model["filters"];
    step.width_factor = model["widthFactor"], step.classes = model["classes"];
    step.batch = row_["batch"], step.data = choice.data;
    step.micro_batches = static_cast<int32_t>(step.batch / choice.data / choice.micro_batch);
    step.zero = ValueOf(row_, stack_, "zero", 0);
    step.winograd = ValueOf(row_, stack_, "winograd", true);
    step.local_statistics = ValueOf(row_, stack_, "localStatistics", false);
    step.recompute = RecomputeOf(row_.value("recompute", "none"));
    return Predict(step, cluster);
  }
  TransformerStep step = StepOf(row_, stack_);
  step.tensor = choice.tensor, step.data = choice.data, step.pipeline = choice.pipeline;
  step.micro_batch = choice.micro_batch, step.interleave = choice.interleave;
  return Predict(step, cluster);
}

void PublishedRow::AddChoices(const Cluster& cluster, int32_t tensor, int32_t data,
                              int32_t pipeline, std::vector<Choice>& choices) const {
  for (const int32_t micro_batch : row_["microBatches"]) {
    for (const int32_t interleave : row_["interleave"]) {
      if (interleave > 1 && pipeline == 1) continue;
      Choice choice = {tensor, data, pipeline, micro_batch, interleave, {}};
      auto prediction = PredictChoice(choice, cluster);
      if (!prediction.ok()) continue;
      choice.prediction = *std::move(prediction);
      if (stack_.contains("usableGib"))
        choice.prediction.fits =
            choice.prediction.peak <= Bytes{kGib * stack_["usableGib"].get<double>()};
      choices.push_back(choice);
    }
  }
}

std::vector<Choice> PublishedRow::Choices(double scale) const {
  const Cluster cluster = ScaledCluster(scale);
  std::vector<Choice> choices;
  if (row_.contains("plans")) {
    for (const Json& plan : row_["plans"]) AddChoices(cluster, plan[0], plan[1], plan[2], choices);
  } else {
    AddChoices(cluster, row_.value("tensor", 1), row_.value("data", 1), row_.value("pipeline", 1),
               choices);
  }
  const auto is_better = [](const Choice& a, const Choice& b) {
    if (a.prediction.fits != b.prediction.fits) return a.prediction.fits;
    return a.prediction.time < b.prediction.time;
  };
  if (!choices.empty())
    std::iter_swap(choices.begin(), std::min_element(choices.begin(), choices.end(), is_better));
  return choices;
}

}  // namespace automap

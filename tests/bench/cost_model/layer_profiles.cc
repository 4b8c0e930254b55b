#include "tests/bench/cost_model/layer_profiles.h"

#include <cmath>
#include <cstdio>

#include "simulator/evaluate.h"
#include "tests/bench/cost_model/errors.h"
#include "tests/bench/cost_model/published_row.h"

namespace automap {
namespace {

using Json = nlohmann::json;

class LayerProfiles {
 public:
  LayerProfiles()
      : model_(*CostModel::Create(ClusterOf("v100x1x1-25gbps"), {{{"x", 1}, {"y", 1}}, 0})) {}

  void Run(const Json& document) {
    std::printf("\n%-34s %10s %10s %8s\n", "V100 layers in 32 bits, ms", "measured", "predicted",
                "error");
    for (const Json& row : document["convolutions"]) Convolution(row);
    Transformer(document["bert"]);
    if (document.contains("lstm")) Recurrent(document["lstm"]);
    fitted_.Print("fitted on");
    others_.Print("not fitted on");
    for (const Json& reason : document.value("excluded", Json::array()))
      std::printf("  excluded: %s\n", reason.get<std::string>().c_str());
  }

 private:
  void Print(const std::string& name, const Json& row, double measured, Seconds predicted) {
    const double ms = 1e3 * predicted.value, error = ErrorOf(ms, measured);
    const std::string fit = row.value("fit", "");
    std::printf("%-34s %10.2f %10.2f %+7.1f %%%s\n", name.c_str(), measured, ms, 100 * error,
                fit.empty() ? "" : ("  fit: " + fit).c_str());
    (fit.empty() ? others_ : fitted_).Add(error);
  }

  // 3 x 3, and unless bare its bias and ReLU, one read and one write each.
  void Convolution(const Json& row) {
    const double size = row["size"], in = row["input"], out = row["output"];
    const double places = row["batch"].get<double>() * size * size;
    ComputeStep convolution, sweeps;
    convolution.kind = ComputeKind::kConvolution;
    convolution.flops = {2 * 9 * places * in * out};
    convolution.bytes = {4 * places * (in + out)};
    convolution.shape.channels = 2 * in * out / (in + out);
    convolution.shape.winograd_padding = std::pow(std::ceil(size / 4) * 4 / size, 2);
    const bool is_bare = row.value("isBare", false);
    sweeps.bytes = {4 * places * out * (is_bare ? 0 : 4)};
    sweeps.launches = is_bare ? 0 : 2;
    Print(row["name"], row, row["forwardMs"],
          model_.StepTime(convolution) + model_.StepTime(sweeps));
  }

  void Transformer(const Json& row) {
    TransformerStep step = StepOf(row, Json{{"fusion", "none"}});
    step.micro_batch = row["microBatch"];
    const ModelPart layer = DenseLayer(step);
    Print("BERT-large layer, forward", row, row["forwardMs"],
          model_.Evaluate(layer.forward).step_time);
    Print("BERT-large layer, backward", row, row["backwardMs"],
          model_.Evaluate(layer.backward).step_time);
  }

  // The products with the inputs of all steps at once, then step by step those with the state.
  void Recurrent(const Json& row) {
    const double rows = row["rows"], steps = row["steps"], hidden = row["hidden"];
    const Gemm inputs = {rows * steps, 4 * hidden, hidden}, state = {rows, 4 * hidden, hidden};
    Program forward, backward;
    AddGemm(forward, NumberType::kF32, inputs);
    AddGemmGradients(backward, NumberType::kF32, inputs);
    // The gradient of the state's weights is one product over all steps.
    AddGemm(backward, NumberType::kF32, {hidden, 4 * hidden, rows * steps});
    for (int i = 0; i < steps; ++i) {
      AddGemm(forward, NumberType::kF32, state);
      AddSweep(forward, 4 * rows * hidden * 12, 1);
      AddGemm(backward, NumberType::kF32, {rows, hidden, 4 * hidden});
      AddSweep(backward, 4 * rows * hidden * 18, 1);
    }
    const std::string name = row["name"];
    Print(name + ", forward", row, row["forwardMs"], model_.Evaluate(forward).step_time);
    Print(name + ", backward", row, row["backwardMs"], model_.Evaluate(backward).step_time);
  }

  const CostModel model_;
  Errors fitted_, others_;
};

}  // namespace

void RunLayerProfiles(const Json& document) { LayerProfiles().Run(document); }

}  // namespace automap

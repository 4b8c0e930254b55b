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
  LayerProfiles() : model_(ModelAt(1)) {
    for (const double scale : FitScales()) scaled_.push_back(ModelAt(scale));
  }

  void Run(const Json& document) {
    std::printf("\n%-34s %10s %10s %8s\n", "V100 layers in 32 bits, ms", "measured", "predicted",
                "error");
    for (const Json& row : document["convolutions"]) Convolution(row);
    Transformer(document["bert"]);
    if (document.contains("lstm")) Recurrent(document["lstm"]);
    fitted_.Print("fitted on");
    others_.Print("not fitted on");
    LeaveOneOut();
    for (const Json& reason : document.value("excluded", Json::array()))
      std::printf("  excluded: %s\n", reason.get<std::string>().c_str());
  }

 private:
  // A V100 whose convolutions by Winograd's algorithm are faster by a factor.
  static CostModel ModelAt(double scale) {
    Cluster cluster = ClusterOf("v100x1x1-25gbps");
    for (DeviceType& type : cluster.types) {
      for (double& share : type.efficiency[static_cast<int>(ComputeKind::kConvolution)])
        share *= scale;
    }
    return *CostModel::Create(cluster, {{{"x", 1}, {"y", 1}}, 0});
  }

  // Each convolution with the constant fitted on all others of its profile, and on the other
  // profile alone.
  void LeaveOneOut() const {
    Errors own, other;
    for (const Curve& out : curves_) {
      std::vector<const Curve*> same, different;
      for (const Curve& curve : curves_) {
        if (&curve != &out) (curve.set == out.set ? same : different).push_back(&curve);
      }
      if (out.set == "fitted") own.Add(ErrorWithout(out, same));
      other.Add(ErrorWithout(out, different));
    }
    own.Print("fitted convolutions, each left out");
    other.Print("all, fitted on the other profile alone");
  }

  void Print(const std::string& name, const Json& row, double measured, Seconds predicted) {
    const double ms = 1e3 * predicted.value, error = ErrorOf(ms, measured);
    const std::string fit = row.value("fit", "");
    std::printf("%-34s %10.2f %10.2f %+7.1f %%%s\n", name.c_str(), measured, ms, 100 * error,
                fit.empty() ? "" : ("  fit: " + fit).c_str());
    (fit.empty() ? others_ : fitted_).Add(error);
  }

  // 3 x 3, then its bias and, unless bare, its ReLU, one read and one write each.
  void Convolution(const Json& row) {
    const double size = row["size"], in = row["input"], out = row["output"];
    const double places = row["batch"].get<double>() * size * size;
    ComputeStep convolution, sweeps;
    convolution.kind = ComputeKind::kConvolution;
    convolution.flops = {2 * 9 * places * in * out};
    convolution.bytes = {4 * places * (in + out)};
    convolution.shape.rows = places, convolution.shape.columns = out;
    convolution.shape.channels = 2 * in * out / (in + out);
    convolution.shape.filters = {4 * 9 * in * out};
    convolution.shape.winograd_padding = std::pow(std::ceil(size / 4) * 4 / size, 2);
    const bool is_bare = row.value("isBare", false);
    sweeps.bytes = {4 * places * out * (is_bare ? 2 : 4)};
    sweeps.launches = is_bare ? 1 : 2;
    const double measured = row["forwardMs"];
    Curve curve = {row.value("fit", "").empty() ? "other" : "fitted", {}};
    for (const CostModel& model : scaled_) {
      const Seconds time = model.StepTime(convolution) + model.StepTime(sweeps);
      curve.errors.push_back(ErrorOf(1e3 * time.value, measured));
    }
    curves_.push_back(curve);
    Print(row["name"], row, measured, model_.StepTime(convolution) + model_.StepTime(sweeps));
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
  std::vector<CostModel> scaled_;  // by FitScales
  std::vector<Curve> curves_;      // of convolutions
  Errors fitted_, others_;
};

}  // namespace

void RunLayerProfiles(const Json& document) { LayerProfiles().Run(document); }

}  // namespace automap

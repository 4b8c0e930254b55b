// The library that has Torch: one gradient step, and the network's values by Torch's own operators.
#include <torch/torch.h>

#include <algorithm>
#include <mutex>

#include "agent/rainbow/gradient_step.h"

namespace automap {
namespace {

void UseOneThread() {
  static std::once_flag once;
  std::call_once(once, [] {
    at::set_num_threads(1);
    at::set_num_interop_threads(1);
  });
}

// The vector's own memory as `rows` rows.
torch::Tensor View(const std::vector<float>& values, int64_t rows) {
  const int64_t columns = static_cast<int64_t>(values.size()) / std::max<int64_t>(1, rows);
  return torch::from_blob(const_cast<float*>(values.data()), {rows, columns});
}

torch::Tensor CopyParameters(const QNetwork& network) {
  return View(network.parameters, 1).squeeze(0).clone();
}

// The blocks of `flat`, sharing its memory.
std::vector<torch::Tensor> Blocks(const torch::Tensor& flat, const QNetwork& network) {
  std::vector<torch::Tensor> blocks;
  for (const auto& [offset, rows, columns] : network.blocks()) {
    blocks.push_back(flat.narrow(0, offset, rows * columns).view({rows, columns}).detach());
  }
  return blocks;
}

torch::Tensor Q(const std::vector<torch::Tensor>& p, const torch::Tensor& x) {
  const torch::Tensor h1 = torch::relu(torch::addmm(p[1], x, p[0]));
  const torch::Tensor h2 = torch::relu(torch::addmm(p[3], h1, p[2]));
  const torch::Tensor advantage = torch::addmm(p[7], h2, p[6]);
  return torch::addmm(p[5], h2, p[4]) + advantage - advantage.mean(1, /*keepdim=*/true);
}

// Parameters and gradients lie in one tensor each, so that Adam and the clipping are a few
// operators on all of them and not on each block: these small networks are slow by the number of
// operators.
class TorchGradientStep final : public GradientStep {
 public:
  TorchGradientStep(const QNetwork& network, double learning_rate, const AdamMoments& start)
      : start_(start) {
    UseOneThread();
    parameters_ = CopyParameters(network);
    parameters_.mutable_grad() = torch::zeros_like(parameters_);
    blocks_ = Blocks(parameters_, network);
    const std::vector<torch::Tensor> gradients = Blocks(parameters_.grad(), network);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      blocks_[i].set_requires_grad(true);
      blocks_[i].mutable_grad() = gradients[i];  // to which autograd adds in place
    }
    adam_ = std::make_unique<torch::optim::Adam>(std::vector<torch::Tensor>{parameters_},
                                                 torch::optim::AdamOptions(learning_rate));
    if (start.steps == 0) return;
    auto adam_state = std::make_unique<torch::optim::AdamParamState>();
    adam_state->step(start.steps);
    adam_state->exp_avg(View(start.first, 1).squeeze(0).clone());
    adam_state->exp_avg_sq(View(start.second, 1).squeeze(0).clone());
    adam_->state()[Key()] = std::move(adam_state);
  }

  absl::StatusOr<std::vector<float>> Step(const ReplayBatch& batch,
                                          const std::vector<float>& targets,
                                          QNetwork& network) override {
    try {
      return Descend(batch, targets, network);
    } catch (const std::exception& error) {
      return absl::InternalError(error.what());
    }
  }

  AdamMoments moments() const override {
    const auto entry = adam_->state().find(Key());
    if (entry == adam_->state().end()) return start_;
    auto& state = static_cast<torch::optim::AdamParamState&>(*entry->second);
    const auto copy = [](const torch::Tensor& values) {
      const float* data = values.data_ptr<float>();
      return std::vector<float>(data, data + values.numel());
    };
    return {state.step(), copy(state.exp_avg()), copy(state.exp_avg_sq())};
  }

 private:
  std::vector<float> Descend(const ReplayBatch& batch, const std::vector<float>& targets,
                             QNetwork& network) {
    int64_t* action_data = const_cast<int64_t*>(batch.actions.data());
    const torch::Tensor actions = torch::from_blob(action_data, {batch.size, 1}, torch::kInt64);
    const torch::Tensor all = Q(blocks_, View(batch.observations, batch.size));
    const torch::Tensor q = all.gather(1, actions).squeeze(1);
    const torch::Tensor target = View(targets, batch.size).squeeze(1);
    const torch::Tensor distance = torch::smooth_l1_loss(q, target, at::Reduction::None);
    parameters_.mutable_grad().zero_();
    (distance * View(batch.weights, batch.size).squeeze(1)).mean().backward();
    torch::nn::utils::clip_grad_norm_({parameters_}, 10.0);
    const torch::Tensor errors = (target - q).detach().contiguous();
    adam_->step();
    const float* updated = parameters_.data_ptr<float>();
    std::copy(updated, updated + network.parameters.size(), network.parameters.begin());
    return std::vector<float>(errors.data_ptr<float>(), errors.data_ptr<float>() + batch.size);
  }

  // Under which Adam keeps what it remembers.
  std::string Key() const { return c10::guts::to_string(parameters_.unsafeGetTensorImpl()); }

  const AdamMoments start_;
  torch::Tensor parameters_;
  std::vector<torch::Tensor> blocks_;
  std::unique_ptr<torch::optim::Adam> adam_;
};

absl::StatusOr<std::unique_ptr<GradientStep>> Create(const QNetwork& network, double learning_rate,
                                                     const AdamMoments& start) {
  try {
    return std::make_unique<TorchGradientStep>(network, learning_rate, start);
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

absl::StatusOr<std::vector<float>> Forward(const QNetwork& network,
                                           const std::vector<float>& observations, int count) {
  try {
    UseOneThread();
    torch::NoGradGuard no_grad;
    const torch::Tensor q =
        Q(Blocks(CopyParameters(network), network), View(observations, count)).contiguous();
    return std::vector<float>(q.data_ptr<float>(), q.data_ptr<float>() + q.numel());
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

constexpr TorchLearner kLearner = {Create, Forward};

}  // namespace
}  // namespace automap

// kTorchLearnerEntry.
extern "C" const automap::TorchLearner* AutomapTorchLearner() { return &automap::kLearner; }

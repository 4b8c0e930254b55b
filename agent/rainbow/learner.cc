#include "agent/rainbow/learner.h"

#include <torch/torch.h>

#include <algorithm>
#include <mutex>

namespace automap {
namespace {

void UseOneThread() {
  static std::once_flag once;
  std::call_once(once, [] {
    at::set_num_threads(1);
    at::set_num_interop_threads(1);
  });
}

torch::Tensor View(const std::vector<float>& values, int64_t rows) {
  return torch::from_blob(const_cast<float*>(values.data()), {rows, static_cast<int64_t>(values.size()) / std::max<int64_t>(1, rows)});
}

}  // namespace

struct Learner::State {
  std::vector<torch::Tensor> parameters;
  std::unique_ptr<torch::optim::Adam> adam;

  torch::Tensor Q(const torch::Tensor& x) const {
    const auto& p = parameters;
    const torch::Tensor h1 = torch::relu(torch::addmm(p[1], x, p[0]));
    const torch::Tensor h2 = torch::relu(torch::addmm(p[3], h1, p[2]));
    const torch::Tensor advantage = torch::addmm(p[7], h2, p[6]);
    return torch::addmm(p[5], h2, p[4]) + advantage - advantage.mean(1, /*keepdim=*/true);
  }
};

Learner::Learner(const QNetwork& network, double learning_rate) : state_(std::make_unique<State>()) {
  UseOneThread();
  for (const QNetwork::Block& block : network.blocks()) {
    const float* data = network.parameters.data() + block.offset;
    state_->parameters.push_back(
        torch::from_blob(const_cast<float*>(data), {block.rows, block.columns}).clone().set_requires_grad(true));
  }
  state_->adam = std::make_unique<torch::optim::Adam>(state_->parameters, torch::optim::AdamOptions(learning_rate));
}

Learner::~Learner() = default;

absl::StatusOr<std::vector<float>> Learner::Step(const Batch& batch, const std::vector<float>& targets, QNetwork& network) {
  try {
    const torch::Tensor actions = torch::from_blob(const_cast<int64_t*>(batch.actions.data()), {batch.size, 1}, torch::kInt64);
    const torch::Tensor q = state_->Q(View(batch.observations, batch.size)).gather(1, actions).squeeze(1);
    const torch::Tensor target = View(targets, batch.size).squeeze(1);
    const torch::Tensor distance = torch::smooth_l1_loss(q, target, at::Reduction::None);
    state_->adam->zero_grad();
    (distance * View(batch.weights, batch.size).squeeze(1)).mean().backward();
    torch::nn::utils::clip_grad_norm_(state_->parameters, 10.0);
    const torch::Tensor errors = (target - q).detach().contiguous();
    state_->adam->step();
    size_t index = 0;
    for (const QNetwork::Block& block : network.blocks()) {
      const float* data = state_->parameters[index++].data_ptr<float>();
      std::copy(data, data + block.rows * block.columns, network.parameters.begin() + block.offset);
    }
    return std::vector<float>(errors.data_ptr<float>(), errors.data_ptr<float>() + batch.size);
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

absl::StatusOr<std::vector<float>> Learner::Forward(const std::vector<float>& observations, int count) const {
  try {
    torch::NoGradGuard no_grad;
    const torch::Tensor q = state_->Q(View(observations, count)).contiguous();
    return std::vector<float>(q.data_ptr<float>(), q.data_ptr<float>() + q.numel());
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

}  // namespace automap

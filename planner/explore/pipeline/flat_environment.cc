#include "planner/explore/pipeline/flat_environment.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace automap {
namespace {

constexpr double kOutOfMemory = -1;  // paper section 5
constexpr double kMostMicroBatches = 4096;

absl::Status TooMany(const char* what, int64_t count, int64_t most) {
  return absl::FailedPreconditionError(absl::StrCat("the paper's flat network sees at most ", most,
                                                    " ", what, ", here are ", count));
}

// Of the network between the servers `a` and `b`, or inside one.
double Bandwidth(const Server& a, const Server& b, bool is_same) {
  if (is_same) return a.device_count > 1 ? a.inside.Reached().value : 0;
  return std::min(a.outside.Reached(), b.outside.Reached()).value;
}

double SlowestBandwidth(const Cluster& cluster) {
  double slowest = 0;
  for (const Server& server : cluster.servers) {
    const bool is_alone = cluster.servers.size() == 1;
    const double own = (is_alone ? server.inside : server.outside).Reached().value;
    slowest = slowest > 0 ? std::min(slowest, own) : own;
  }
  return slowest;
}

}  // namespace

FlatPipelineEnvironment::Chain FlatPipelineEnvironment::PointsOf(const PipelineProblem& problem) {
  Chain chain;
  for (int p = 0; p <= kPoints; ++p)
    chain.layer_at.push_back(static_cast<int32_t>(int64_t{p} * problem.layers() / kPoints));
  chain.most_stages.assign(kPoints + 1, 0);
  int next = kPoints;  // the nearest one that ends a stage with a variable: it leaves the most
  for (int p = kPoints - 1; p >= 0; --p) {
    const int32_t layer = chain.layer_at[p];
    if (!problem.HasVariable({layer, problem.layers()})) continue;
    while (next - 1 > p && problem.HasVariable({layer, chain.layer_at[next - 1]})) --next;
    chain.most_stages[p] = 1 + chain.most_stages[next];
  }
  return chain;
}

absl::Status FlatPipelineEnvironment::Check(const PipelineProblem& problem) {
  const int32_t stages = problem.options().stages;
  const int64_t servers = problem.cluster().servers.size();
  if (stages > kMostStages) return TooMany("stages", stages, kMostStages);
  if (problem.devices() > kMostDevices) return TooMany("devices", problem.devices(), kMostDevices);
  if (servers > kMostServers) return TooMany("servers", servers, kMostServers);
  if (problem.group_size() > 1)
    return TooMany("devices that share a layer", problem.group_size(), 1);
  const int32_t most = PointsOf(problem).most_stages.front();
  return stages > most ? TooMany("stages of this chain", stages, most) : absl::OkStatus();
}

void FlatPipelineEnvironment::PutChain(const PipelineProblem& problem, Chain& chain) {
  const auto& layers = problem.chain().layers;
  const double bandwidth = SlowestBandwidth(problem.cluster());
  std::vector<double> gradients = {0};
  for (const Layer& layer : layers) gradients.push_back(gradients.back() + layer.gradients.value);
  std::vector<double> seen(3 * kPoints);
  for (int p = 0; p < kPoints; ++p) {
    const int32_t layer = chain.layer_at[p + 1];
    seen[p] = problem.Work(layer).value;
    if (layer > 0 && bandwidth > 0) {
      seen[kPoints + p] = layers[layer - 1].boundary.value / bandwidth;
      seen[2 * kPoints + p] = gradients[layer] / bandwidth;
    }
  }
  const double most = std::max(1e-30, *std::max_element(seen.begin(), seen.end()));
  for (const double value : seen) chain.seen.push_back(static_cast<float>(value / most));
}

void FlatPipelineEnvironment::PutCluster(const PipelineProblem& problem, Chain& chain) {
  const auto& servers = problem.cluster().servers;
  std::vector<double> seen(kMostServers * kMostServers + kMostServers);
  double most = 1;
  for (size_t a = 0; a < servers.size(); ++a) {
    for (size_t b = 0; b < servers.size(); ++b) {
      const double value = Bandwidth(servers[a], servers[b], a == b);
      seen[a * kMostServers + b] = value;
      most = std::max(most, value);
    }
  }
  for (double& value : seen) value /= most;
  for (size_t a = 0; a < servers.size(); ++a)
    seen[kMostServers * kMostServers + a] = servers[a].device_count * 1.0 / kMostDevices;
  chain.seen.insert(chain.seen.end(), seen.begin(), seen.end());
}

FlatPipelineEnvironment::FlatPipelineEnvironment(const PipelineProblem& problem)
    : problem_(&problem) {
  Chain chain = PointsOf(problem);
  PutChain(problem, chain);
  PutCluster(problem, chain);
  chain_ = std::make_shared<const Chain>(std::move(chain));
  Reset();
}

void FlatPipelineEnvironment::Reset() {
  cuts_ = {};
  points_.clear();
  done_ = false;
  if (problem_->options().stages == 1) Finish();
}

void FlatPipelineEnvironment::Observe(absl::Span<float> observation) const {
  const auto rest = std::copy(chain_->seen.begin(), chain_->seen.end(), observation.begin());
  std::fill(rest, observation.end(), 0.0f);
  const float devices = static_cast<float>(problem_->devices());
  for (size_t s = 0; s < points_.size(); ++s) {
    const int32_t before = s < cuts_.device_ends.size() ? cuts_.device_ends[s] : first_device();
    rest[points_[s]] = static_cast<float>(before) / devices;
  }
  const float stages = static_cast<float>(problem_->options().stages);
  const auto numbers = rest + kPoints;
  numbers[0] = stages / kMostStages;
  numbers[1] = static_cast<float>(cuts_.device_ends.size()) / stages;
  numbers[2] = static_cast<float>(first_device()) / devices;
  numbers[3] = static_cast<float>(std::log2(problem_->options().micro_batches) /
                                  std::log2(kMostMicroBatches));
  numbers[4] = is_placing() ? 1 : 0;
}

bool FlatPipelineEnvironment::MayCutAt(int action) const {
  const int32_t layer = chain_->layer_at[action + 1];
  return layer > std::max(first_layer(), chain_->layer_at[action]) &&
         problem_->HasVariable({first_layer(), layer}) &&
         chain_->most_stages[action + 1] >= stages_left() - 1;
}

void FlatPipelineEnvironment::LegalActions(absl::Span<uint8_t> mask) const {
  std::fill(mask.begin(), mask.end(), 0);
  if (done_) return;
  if (!is_placing()) {
    for (int a = 0; a < kPoints; ++a) mask[a] = MayCutAt(a);
    return;
  }
  for (int32_t end = first_device() + 1; end <= problem_->devices() - (stages_left() - 1); ++end)
    mask[kPoints + end - 1] = 1;
}

double FlatPipelineEnvironment::Step(int action) {
  if (!is_placing()) {
    cuts_.layer_ends.push_back(chain_->layer_at[action + 1]);
    points_.push_back(action);
    return 0;
  }
  cuts_.device_ends.push_back(action - kPoints + 1);
  return stages_left() > 1 ? 0 : Finish();
}

double FlatPipelineEnvironment::Finish() {
  cuts_.layer_ends.push_back(problem_->layers());
  cuts_.device_ends.push_back(problem_->devices());
  done_ = true;
  const PipelineCost cost = problem_->Cost(cuts_);
  if (!cost.fits() && !problem_->options().ignore_memory) return kOutOfMemory;
  return problem_->LeastTime(problem_->layers(), problem_->devices()) *
         problem_->options().micro_batches / cost.length;
}

std::unique_ptr<Environment> FlatPipelineEnvironment::Clone() const {
  return std::make_unique<FlatPipelineEnvironment>(*this);
}

}  // namespace automap

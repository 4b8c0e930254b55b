// What stands between the agent and the library that has Torch, which is loaded while the program
// runs (agent/rainbow/torch).
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/rainbow/q_network.h"
#include "agent/replay/prioritized_replay.h"

namespace automap {

// What Adam remembers beside the parameters.
struct AdamMoments {
  int64_t steps = 0;  // 0: nothing yet
  std::vector<float> first, second;
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.steps, self.first, self.second);
  }
};

// See Learner. INTERNAL when Torch throws.
class GradientStep {
 public:
  virtual ~GradientStep() = default;
  virtual absl::StatusOr<std::vector<float>> Step(const ReplayBatch& batch,
                                                  const std::vector<float>& targets,
                                                  QNetwork& network) = 0;
  virtual AdamMoments moments() const = 0;
};

// What the library gives, under the name kTorchLearnerEntry.
struct TorchLearner {
  // On a copy of the network's parameters, going on from `start` if it has steps.
  absl::StatusOr<std::unique_ptr<GradientStep>> (*create)(const QNetwork& network,
                                                          double learning_rate,
                                                          const AdamMoments& start);
  absl::StatusOr<std::vector<float>> (*forward)(const QNetwork& network,
                                                const std::vector<float>& observations, int count);
};

inline constexpr char kTorchLearnerFile[] = "libautomap_torch_learner.so";
inline constexpr char kTorchLearnerEntry[] = "AutomapTorchLearner";

}  // namespace automap

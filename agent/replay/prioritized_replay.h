// Remembers transitions and draws the surprising ones more often (Schaul et al. 2016).
#pragma once

#include <cstdint>
#include <vector>

#include "agent/core/random.h"
#include "agent/replay/n_step.h"
#include "agent/replay/sum_tree.h"

namespace automap {

// A drawn batch, column by column, row-major.
struct ReplayBatch {
  int size = 0;
  std::vector<int64_t> indices;
  std::vector<float> weights;  // importance weights, the largest is 1
  std::vector<float> observations, next_observations;
  std::vector<uint8_t> next_masks;
  std::vector<int64_t> actions;
  std::vector<float> rewards, bootstraps;
};

// A ring of `capacity` transitions. P(i) = p_i^alpha / sum, weight = (N P(i))^-beta over the
// batch's largest. New transitions get the largest priority seen.
class PrioritizedReplay {
 public:
  PrioritizedReplay(int64_t capacity, int observation_size, int num_actions, double alpha,
                    double epsilon, int next_observation_size = 0);  // 0: the same

  int64_t size() const { return size_; }
  void Add(const Transition& transition);
  // `batch_size` draws, one from each of as many equal shares of the total. size() >= 1. O(batch
  // log capacity).
  ReplayBatch Sample(int batch_size, double beta, Random& random) const;
  // p_i = |error| + epsilon.
  void SetPriority(int64_t index, double error);
  double priority(int64_t index) const { return tree_.Get(index); }  // p^alpha
  // base/archive.h; into a replay made with the same arguments. Rows that are not filled are left
  // out.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.tree_, self.size_, self.next_, self.largest_);
    archive.Prefix(self.observations_, self.size_ * self.observation_size_);
    archive.Prefix(self.next_observations_, self.size_ * self.next_size_);
    archive.Prefix(self.next_masks_, self.size_ * self.num_actions_);
    archive.Prefix(self.rewards_, self.size_);
    archive.Prefix(self.bootstraps_, self.size_);
    archive.Prefix(self.actions_, self.size_);
  }

 private:
  const int64_t capacity_;
  const int observation_size_, next_size_, num_actions_;
  const double alpha_, epsilon_;
  SumTree tree_;
  int64_t size_ = 0, next_ = 0;
  double largest_ = 1;  // p^alpha
  std::vector<float> observations_, next_observations_, rewards_, bootstraps_;
  std::vector<uint8_t> next_masks_;
  std::vector<int32_t> actions_;
};

}  // namespace automap

// What the agent learns on: a deterministic, resettable decision process with a finite horizon.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/types/span.h"

namespace automap {

// One episode at a time. The contract (executed against every environment by tests/contracts):
//
// - Reset() starts a new episode; the constructor leaves the environment reset.
// - The same actions after Reset() give the same observations, masks, rewards and end.
// - Until done(), at least one action is legal, and a legal action never fails.
// - Step() takes a legal action while not done and returns its reward (no unit; larger is better).
// - A mask holds 1 for legal and 0 for illegal actions. After done() all of them are 0.
// - Observe() writes observation_size() finite numbers; it may be called after done().
// - Clone() is a deep copy that continues from the present state and shares nothing mutable.
//
// Not thread-safe; one environment per thread.
class Environment {
 public:
  virtual ~Environment() = default;

  virtual int observation_size() const = 0;
  virtual int num_actions() const = 0;
  // When the observation is one row of features for each action, how many: the agent then scores
  // rows with one network, so that what it learns of one action holds for all. The first feature is
  // what the environment itself expects the return to be, the second 1 where that is a guess, of which
  // the network learns what it misses, and 0 where it is exact. 0: it is not.
  virtual int candidate_features() const { return 0; }
  virtual void Reset() = 0;
  virtual bool done() const = 0;
  virtual void Observe(absl::Span<float> observation) const = 0;
  virtual void LegalActions(absl::Span<uint8_t> mask) const = 0;
  virtual double Step(int action) = 0;
  virtual std::unique_ptr<Environment> Clone() const = 0;
};

}  // namespace automap

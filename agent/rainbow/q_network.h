// The network's parameters as plain numbers, and its forward pass by hand: a decision takes
// microseconds, where a call into Torch takes tens of them.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "agent/core/parameter_block.h"
#include "agent/core/random.h"

namespace automap {

// Two hidden layers and duelling heads:
//   h1 = relu(x W1 + b1), h2 = relu(h1 W2 + b2), v = h2 Wv + bv, a = h2 Wa + ba, Q = v + a -
//   mean(a)
// Matrices are [in, out], row-major, one after the other in `parameters`: W1 b1 W2 b2 Wv bv Wa ba.
struct QNetwork {
  int inputs = 0, hidden = 0, actions = 0;
  std::vector<float> parameters;

  // Uniform in +-1/sqrt(fan-in), as Torch's linear layers.
  static QNetwork Create(int inputs, int hidden, int actions, Random& random);

  std::vector<ParameterBlock> blocks() const;  // a vector has one row

  // Q of every action for `count` observations, row-major. O(count x parameters).
  std::vector<float> Forward(absl::Span<const float> observations, int count) const;

  // base/archive.h; into a network of the same shape.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive.Prefix(self.parameters, static_cast<int64_t>(self.parameters.size()));
  }
};

}  // namespace automap

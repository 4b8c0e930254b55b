// A network that sees a whole sequence before it scores places in it: an encoder, run once for each
// sequence, and a scorer, run for each candidate. By hand, forwards and backwards: these networks
// are small, and without fused multiplication and addition they give the same bytes everywhere.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "agent/core/parameter_block.h"
#include "agent/core/random.h"

namespace automap {

// `channels` and `hidden` are multiples of 16.
struct SequenceShape {
  int token_features = 0, channels = 16, row_features = 0, hidden = 48;
  bool operator==(const SequenceShape&) const = default;
};

// One decision: candidates at positions behind `from`, each with a row of features.
struct SequenceQuestion {
  int from = 0;              // position that the decision begins at
  std::vector<int32_t> at;   // by candidate: its position, larger than `from`
  std::vector<float> rows;   // row_features for each candidate
  std::vector<float> prior;  // by candidate: what its score is without what was learned
};

// What the encoder makes of a sequence.
struct EncodedSequence {
  int positions = 0;
  std::vector<float> states;  // channels for each position
  std::vector<float> sums;    // of the states before each position, and of all
};

// Encoder, with relu and zeros beyond the ends, positions in rows:
//
//   h1 = relu(conv(tokens, 5 wide)), h2 = relu(conv(h1, 5 wide, 2 apart)), h = h2's, 4 apart
//
// so that a state sees 14 positions to each side; what is further away comes with the means. Scorer
// of a candidate at position p with row r:
//
//   x = r, h[p], mean of h over (from, p], mean of h behind p
//   score = prior + relu(relu(x W1 + b1) W2 + b2) w + b
//
// Parameters one block after the other, matrices [in, out], row-major: three times kernel (5 x in)
// and bias, then W1 b1 W2 b2 w b.
class SequenceNetwork {
 public:
  SequenceNetwork(SequenceShape shape, std::vector<float> parameters)
      : shape_(shape), parameters_(std::move(parameters)) {}

  // Uniform in +-1/sqrt(fan-in), but w and b are 0: it adds nothing yet to the priors.
  static SequenceNetwork Create(const SequenceShape& shape, Random& random);
  // The same shape with all parameters 0.
  SequenceNetwork Untrained() const;

  const SequenceShape& shape() const { return shape_; }
  const std::vector<float>& parameters() const { return parameters_; }
  std::vector<float>& parameters() { return parameters_; }

  std::vector<ParameterBlock> blocks() const;  // a vector has one row

  // `tokens`: token_features for each position. O(positions x channels^2).
  EncodedSequence Encode(absl::Span<const float> tokens) const;
  // By candidate. O(candidates x hidden x (row_features + 3 channels + hidden)).
  std::vector<float> Score(const EncodedSequence& sequence, const SequenceQuestion& question) const;

 private:
  SequenceShape shape_;
  std::vector<float> parameters_;
};

}  // namespace automap

// One run of a SequenceNetwork with everything that a gradient needs.
#pragma once

#include <vector>

#include "agent/sequence/sequence_network.h"

namespace automap {

constexpr int kWidth = 5;  // positions that a convolution sees
constexpr int kConvolutions = 3;
constexpr int kApart[kConvolutions] = {1, 2, 4};  // of those, from one to the next

// The activations of the encoder, before and after each convolution: positions x features.
using EncoderPass = std::vector<std::vector<float>>;
EncoderPass RunEncoder(const SequenceNetwork& network, absl::Span<const float> tokens);

EncodedSequence SumStates(std::vector<float> states, int channels);

// The scorer's input of candidate `c`.
void ScorerInput(const SequenceShape& shape, const EncodedSequence& sequence,
                 const SequenceQuestion& question, size_t c, float* input);

// What a convolution reads at `position`, zeros beyond the ends: kWidth x features.
void Window(const std::vector<float>& values, int positions, int features, int position, int apart,
            float* window);

}  // namespace automap

// HLO text of small training steps, for tests that enumerate what can be planned for them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace automap {

// One SGD step of a multilayer perceptron with tanh after each layer and squared errors as loss:
// parameters are the weights [widths[i], widths[i + 1]], then inputs [batch, widths.front()] and
// targets [batch, widths.back()]; results are the new weights, which replace them, and the loss.
std::string PerceptronStep(int64_t batch, const std::vector<int64_t>& widths);

}  // namespace automap

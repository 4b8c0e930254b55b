// The promises of agent/core/environment.h, as a judge that plays any environment.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "agent/core/environment.h"

namespace automap {

// Plays `episodes` random episodes on environments from `make` (alike, each with its own state) and
// returns the first broken promise as INTERNAL: episode, step and what was expected. An episode
// that is longer than `max_steps` is a broken promise too.
absl::Status CheckEnvironmentContract(const std::function<std::unique_ptr<Environment>()>& make,
                                      uint64_t seed, int episodes = 3, int64_t max_steps = 2000);

}  // namespace automap

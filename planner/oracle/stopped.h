// Exact searches that are stopped.
#pragma once

namespace automap {

// What a bound says of itself when its search was stopped before it had one.
inline constexpr char kStoppedProof[] = "none: stopped before the proof was complete";

}  // namespace automap

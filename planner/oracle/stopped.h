// Exact searches that have not ended.
#pragma once

namespace automap {

// What a bound says of itself when its search was stopped before it had one.
inline constexpr char kStoppedProof[] = "none: stopped before the proof was complete";

// What a plan says that is passed on before there is a bound.
inline constexpr char kOpenProof[] = "none yet: the proof is not complete";

}  // namespace automap

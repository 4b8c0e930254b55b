// How far a predicted time may be off.
#pragma once

#include "base/units.h"

namespace automap {

// What a step time consists of; doubt differs between them.
struct TimeParts {
  Seconds compute;  // kernels and idle time
  Seconds inside;   // collectives inside servers
  Seconds outside;  // collectives that leave a server
  Seconds sum() const { return compute + inside + outside; }
};

// Spreads (root mean squares) of measured over predicted time, less one, where nothing was fitted:
// of kernels, of collectives, and what stays for each plan; and how many of its spreads the
// interval of nine cases in ten reaches to each side.
struct DoubtConstants {
  double compute = 0, inside = 0, outside = 0, own = 0, nine_of_ten = 0;
  bool operator==(const DoubtConstants&) const = default;
};

// Of a step of c compute, i and o collectives and t in all:
//
//   s = sqrt((compute c)^2 + (inside i)^2 + (outside o)^2 + (own t)^2)
Seconds SpreadOf(const TimeParts& parts, const DoubtConstants& constants);

struct TimeInterval {
  Seconds low, high;
};

// Where the true time lies in nine cases of ten: t - q s ... t + q s, q and s with the constants of
// doubt_constants.h, which `automap bench cost-model` computes from its residuals.
TimeInterval DoubtOf(const TimeParts& parts);

// How likely a step of `a` is shorter than one of `b`. The errors of efficiencies and of bandwidths
// are the same for both, so only differences of the parts and each plan's own rest count. In (0,
// 1); WinProbability(a, b) + WinProbability(b, a) = 1.
double WinProbability(const TimeParts& a, const TimeParts& b);

}  // namespace automap

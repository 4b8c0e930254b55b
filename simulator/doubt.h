// How far a predicted time may be off.
#pragma once

#include "base/units.h"

namespace automap {

// What a step time consists of; doubt differs between the two.
struct TimeParts {
  Seconds compute;  // kernels and idle time
  Seconds communication;
  Seconds sum() const { return compute + communication; }
};

struct TimeInterval {
  Seconds low, high;
};

// Where the true time lies in nine cases of ten:
//
//   t (1 - 1.645 s) ... t (1 + 1.645 s),   s^2 = (0.06 c/t)^2 + (0.15 m/t)^2 + 0.04^2
//
// for a step of c compute and m communication. 0.06 and 0.15 are the residuals' spread on compute
// and communication, 0.04 what stays for each plan; `automap bench cost-model` prints how many of
// its rows lie inside.
TimeInterval DoubtOf(const TimeParts& parts);

// How likely a step of `a` is shorter than one of `b`. The errors of efficiencies and of bandwidths
// are the same for both, so only differences of the parts and each plan's own rest count. In (0,
// 1); WinProbability(a, b) + WinProbability(b, a) = 1.
double WinProbability(const TimeParts& a, const TimeParts& b);

}  // namespace automap

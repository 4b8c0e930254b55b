#include "simulator/doubt.h"

#include <algorithm>
#include <cmath>

namespace automap {
namespace {
constexpr double kCompute = 0.06, kCommunication = 0.15, kOwn = 0.04;
constexpr double kNineOfTen = 1.645;

double Norm(double a, double b, double c) { return std::sqrt(a * a + b * b + c * c); }
}  // namespace

TimeInterval DoubtOf(const TimeParts& parts) {
  const double spread =
      kNineOfTen * Norm(kCompute * parts.compute.value, kCommunication * parts.communication.value,
                        kOwn * parts.sum().value);
  return {Seconds{std::max(0.0, parts.sum().value - spread)}, parts.sum() + Seconds{spread}};
}

double WinProbability(const TimeParts& a, const TimeParts& b) {
  const double own = kOwn * std::hypot(a.sum().value, b.sum().value);
  const double spread = Norm(kCompute * (b.compute - a.compute).value,
                             kCommunication * (b.communication - a.communication).value, own);
  const double lead = (b.sum() - a.sum()).value;
  if (spread <= 0) return 0.5;
  return std::clamp(0.5 * std::erfc(-lead / spread / std::sqrt(2.0)), 1e-6, 1 - 1e-6);
}

}  // namespace automap

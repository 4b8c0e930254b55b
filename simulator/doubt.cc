#include "simulator/doubt.h"

#include <algorithm>
#include <cmath>

#include "simulator/doubt_constants.h"

namespace automap {
namespace {

double Norm(double a, double b, double c, double d) {
  return std::sqrt(a * a + b * b + c * c + d * d);
}

}  // namespace

Seconds SpreadOf(const TimeParts& parts, const DoubtConstants& constants) {
  return {Norm(constants.compute * parts.compute.value, constants.inside * parts.inside.value,
               constants.outside * parts.outside.value, constants.own * parts.sum().value)};
}

TimeInterval DoubtOf(const TimeParts& parts) {
  const Seconds reach = SpreadOf(parts, kDoubt) * kDoubt.nine_of_ten;
  return {std::max(Seconds{0}, parts.sum() - reach), parts.sum() + reach};
}

double WinProbability(const TimeParts& a, const TimeParts& b) {
  const double spread = Norm(kDoubt.compute * (b.compute - a.compute).value,
                             kDoubt.inside * (b.inside - a.inside).value,
                             kDoubt.outside * (b.outside - a.outside).value,
                             kDoubt.own * std::hypot(a.sum().value, b.sum().value));
  const double lead = (b.sum() - a.sum()).value;
  if (spread <= 0) return 0.5;
  return std::clamp(0.5 * std::erfc(-lead / spread / std::sqrt(2.0)), 1e-6, 1 - 1e-6);
}

}  // namespace automap

#include "planner/plan/convolution_work.h"

#include <algorithm>
#include <numeric>

namespace automap {
namespace {

constexpr int64_t kMostPlaces = 1000000;

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// x with a x = 1 (mod m), for a and m without a common divisor; m >= 1.
int64_t Inverse(int64_t a, int64_t m) {
  int64_t r0 = m, r1 = ((a % m) + m) % m, t0 = 0, t1 = 1;
  while (r1 != 0) {
    const int64_t q = r0 / r1;
    r0 -= q * r1, std::swap(r0, r1);
    t0 -= q * t1, std::swap(t0, t1);
  }
  return ((t0 % m) + m) % m;
}

// How many i in [0, count) have step i + offset in [0, last] and divisible by `dilation`.
int64_t CountSteps(int64_t count, int64_t step, int64_t offset, int64_t last, int64_t dilation) {
  const int64_t low = std::max<int64_t>(0, -FloorDiv(offset, step));
  const int64_t high = std::min(count - 1, FloorDiv(last - offset, step));
  if (low > high) return 0;
  const int64_t common = std::gcd(step, dilation);
  if (offset % common != 0) return 0;
  const int64_t period = dilation / common;
  if (period == 1) return high - low + 1;
  const int64_t residue =
      ((-(offset / common) % period + period) % period) * Inverse(step / common, period) % period;
  const int64_t first = low + ((residue - low) % period + period) % period;
  return first > high ? 0 : (high - first) / period + 1;
}

}  // namespace

int64_t ValidPositions(const xla::WindowDimension& window, int64_t input, int64_t output) {
  const int64_t kernel = window.size();
  if (kernel <= 0 || output <= 0 || input <= 0) return 0;
  const int64_t stride = std::max<int64_t>(1, window.stride());
  const int64_t spread = std::max<int64_t>(1, window.window_dilation());
  const int64_t dilation = std::max<int64_t>(1, window.base_dilation());
  const int64_t places = std::min(output, kernel);
  if (places > kMostPlaces) return kernel * (output / dilation);
  const int64_t last = (input - 1) * dilation;
  int64_t valid = 0;
  for (int64_t i = 0; i < places; ++i) {
    valid += kernel <= output
                 ? CountSteps(output, stride, i * spread - window.padding_low(), last, dilation)
                 : CountSteps(kernel, spread, i * stride - window.padding_low(), last, dilation);
  }
  return valid;
}

}  // namespace automap

// Quantities with units, so that seconds are never added to bytes.
//
// A Quantity wraps one double. Same units add and compare; a plain number scales. The few products
// that the cost model needs are written out below (bytes over bytes per second is seconds, and so
// on).
#pragma once

#include <compare>

namespace automap {

template <typename Unit>
struct Quantity {
  double value = 0;

  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.value);
  }
  friend constexpr auto operator<=>(const Quantity&, const Quantity&) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return {a.value + b.value}; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return {a.value - b.value}; }
  friend constexpr Quantity operator*(Quantity a, double s) { return {a.value * s}; }
  friend constexpr Quantity operator*(double s, Quantity a) { return {a.value * s}; }
  friend constexpr Quantity operator/(Quantity a, double s) { return {a.value / s}; }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value / b.value; }
  constexpr Quantity& operator+=(Quantity other) { return value += other.value, *this; }
  constexpr Quantity& operator-=(Quantity other) { return value -= other.value, *this; }
};

using Seconds = Quantity<struct SecondsUnit>;
using Bytes = Quantity<struct BytesUnit>;
using Flops = Quantity<struct FlopsUnit>;
using BytesPerSecond = Quantity<struct BytesPerSecondUnit>;
using FlopsPerSecond = Quantity<struct FlopsPerSecondUnit>;

constexpr Seconds operator/(Bytes amount, BytesPerSecond rate) {
  return {amount.value / rate.value};
}
constexpr Seconds operator/(Flops amount, FlopsPerSecond rate) {
  return {amount.value / rate.value};
}

}  // namespace automap

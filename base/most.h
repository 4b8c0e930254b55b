// The largest of several numbers.
#pragma once

namespace automap {

// As std::max of a list, but in registers: compilers put a list into memory and go through it,
// which is most of what a bound of a few sums costs.
template <typename T>
constexpr T Most(T a, T b) {
  return a < b ? b : a;
}
template <typename T, typename... Others>
constexpr T Most(T a, T b, Others... others) {
  return Most(Most(a, b), others...);
}

}  // namespace automap

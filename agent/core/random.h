// Seeded random numbers whose bytes are the same everywhere: the standard fixes the engine but not
// its distributions.
#pragma once

#include <cstdint>

namespace automap {

// splitmix64 (Steele, Lea, Flood 2014). One stream per component. Seed and stream are mixed before
// they become the state: the state itself advances by a constant, so that near seeds taken as they
// are would give one sequence, shifted. Copyable: a copy continues the same sequence.
class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0) : state_(Mix(Mix(seed + kStep) + stream)) {}

  uint64_t Next() { return Mix(state_ += kStep); }
  // Uniform in [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // Uniform in 0 .. count - 1; count >= 1.
  uint64_t Below(uint64_t count) {
    return static_cast<uint64_t>(Uniform() * static_cast<double>(count));
  }
  // base/archive.h.
  template <typename Self, typename Archive>
  static void Visit(Self& self, Archive& archive) {
    archive(self.state_);
  }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  static uint64_t Mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  uint64_t state_;
};

}  // namespace automap

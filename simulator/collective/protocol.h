// How data moves between two neighbours, after NCCL (src/graph/tuning.cc).
#pragma once

#include <algorithm>

#include "base/units.h"

namespace automap {

// Simple moves large chunks with a fence each: full bandwidth, long steps. LL writes a flag beside
// every four bytes: short steps, a third of the bandwidth.
//
// A link's latency is that of a Simple step. An LL step takes 3/17 of it (0.6 of 3.4 us over
// NVLink), or the latency less 11.3 us where that is more: the protocol's own part of a step is no
// larger, the wire's remains.
struct Protocol {
  Seconds base;            // of starting the collective
  double bandwidth_share;  // of what Simple reaches
  bool is_low_latency;

  constexpr Seconds Step(Seconds latency) const {
    if (!is_low_latency) return latency;
    return std::max(latency * (0.6 / 3.4), latency - Seconds{11.3e-6});
  }

  // v B bytes of a tensor of B over a link of bandwidth w and step latency a. Simple reaches full
  // bandwidth only when q = 30 steps' worth of data is on its way (but never more than the 64 MB of
  // NCCL's buffers):
  //
  //   t = v B / w (1 + q / (B + q)),   q = min(30 a w, 64 MB)
  //
  // Fitted to all-reduce sweeps on 8 A100 and 8 H200.
  Seconds Transfer(double volume, Bytes bytes, BytesPerSecond bandwidth, Seconds latency) const {
    const BytesPerSecond reached = bandwidth * bandwidth_share;
    const double ramp =
        is_low_latency ? 0 : std::min(30 * latency.value * reached.value, kMostOnTheWay);
    return bytes * (volume * (1 + ramp / (bytes.value + ramp))) / reached;
  }

  static constexpr double kMostOnTheWay = 64e6;
};

inline constexpr Protocol kSimple = {{8.4e-6}, 1, false};
inline constexpr Protocol kLowLatency = {{6.6e-6}, 0.3, true};

}  // namespace automap

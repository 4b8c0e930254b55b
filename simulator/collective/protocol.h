// How data moves between two neighbours, after NCCL (src/graph/tuning.cc at 5067397c26).
#pragma once

#include <algorithm>

#include "base/units.h"
#include "simulator/collective/collective_model.h"

namespace automap {

// Simple moves large chunks with a fence each: full bandwidth, long steps. LL writes a flag beside
// every four bytes, LL128 one beside every 120: short steps, less bandwidth. LL128 needs NVLink, so
// it serves groups inside one server only.
//
// A link's latency is that of a Simple step. A step of the others takes its `step_share`, or the
// latency less `most_saved` where that is more: the protocol's own part of a step is no larger, the
// wire's remains. Over NVLink that is NCCL's 3.4, 1.9 and 0.6 us, over InfiniBand 14 and 2.7.
struct Protocol {
  Seconds base;          // of starting the collective, after its launch
  double inside_share;   // of the bandwidth that Simple reaches, inside a server
  double outside_share;  // the same over a network
  double step_share;
  Seconds most_saved;

  constexpr Seconds Step(Seconds latency) const {
    return std::max(latency * step_share, latency - most_saved);
  }

  // The bytes q that have to be on their way are what the slowest hops' latencies `delay` (of one
  // chunk, all of its steps over such hops) hold, and never more than the 64 MB of NCCL's buffers:
  // q = min(2.6 delay w, 64 MB).
  //
  // 2.6 was fitted on the all-reduce sweeps of 8 A100 and 8 H200, together with the 29 us of
  // evaluate.cc and the 10 us of in_switch.cc. The other sweeps are there to check it.
  static TransferCurve Curve(Seconds start, double volume, BytesPerSecond reached, Seconds delay) {
    return {start, volume / reached.value,
            std::min(2.6 * delay.value * reached.value, kMostUnderWay)};
  }

  static constexpr double kMostUnderWay = 64e6;
};

// LL reaches half of the bandwidth over a network; inside a server NCCL caps it at 39, 87.7 and 141
// GB/s on V100, A100 and H100: 0.30, 0.37 and 0.39 of what their rings reach.
inline constexpr Protocol kSimple = {{8.4e-6}, 1, 1, 1, {0}};
inline constexpr Protocol kLowLatency = {{6.6e-6}, 0.35, 0.5, 0.6 / 3.4, {11.3e-6}};
inline constexpr Protocol kLowLatency128 = {{14e-6}, 0.92, 0, 1.9 / 3.4, {10e-6}};

}  // namespace automap

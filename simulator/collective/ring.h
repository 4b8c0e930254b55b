// Ring algorithms: every device talks to one neighbour, in lock step.
//
// With n devices, a full tensor of B bytes, latency a of one step, base latency c and bandwidth w
// bytes/s:
//
//   all-reduce               c + 2(n-1) a + 2(n-1)/n B/w
//   all-gather, reduce-scatter  c + (n-1) a + (n-1)/n B/w
//   all-to-all               c + (n-1) a + (n-1)/n (B/n)/w     each device sends its block's n-th
//   parts permute, send-receive    c + a + (B/n)/w, c + a + B/w
#pragma once

#include "simulator/collective/collective_model.h"

namespace automap {

// steps(n) latency terms and volume(n) x B bytes per device.
class RingModel final : public CollectiveModel {
 public:
  using PerDevices = double (*)(double devices);
  constexpr RingModel(PerDevices steps, PerDevices volume) : steps_(steps), volume_(volume) {}
  Seconds Time(const GroupPath& path, Bytes bytes) const override;

 private:
  PerDevices steps_;
  PerDevices volume_;
};

}  // namespace automap

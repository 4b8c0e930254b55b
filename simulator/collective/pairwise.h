// Every pair of devices at once: all-to-all; and every device to one other: permute, send-receive.
//
// All-to-all of a full tensor of B bytes that n devices hold a block of each, g of them in a
// server: a device sends an n-th of its block to each other one, each a transfer that has to start.
// With w inside and W out of a server,
//
//   (n-1) c + (g-1) a + (n-g) A + max((g-1)/n^2 B/w, g (n-g)/n^2 B/W)
//
// A permute moves a block of B/n over one hop, a send-receive all B: c + a + B/w. Here w is 0.83 of
// what a ring reaches, as measured of send-receive on 8 A100; on a cube mesh the bandwidth at which
// its narrowest wire, or the host between two devices without one, lets all pairs be served.
#pragma once

#include "simulator/collective/collective_model.h"

namespace automap {

class AllToAllModel final : public CollectiveModel {
 public:
  Seconds Time(const GroupPath& path, Bytes bytes) const override;
};

class PermuteModel final : public CollectiveModel {
 public:
  Seconds Time(const GroupPath& path, Bytes bytes) const override;
};

class SendReceiveModel final : public CollectiveModel {
 public:
  Seconds Time(const GroupPath& path, Bytes bytes) const override;
};

}  // namespace automap

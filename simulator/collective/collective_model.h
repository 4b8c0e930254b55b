// The seam for collectives: one algorithm each, priced from the path that its devices share.
#pragma once

#include <limits>

#include "base/units.h"
#include "simulator/program.h"

namespace automap {

// The devices of one mesh axis' group and the links between them, the worst group's. Bandwidths are
// what the group reaches, after efficiency and after sharing with the axis' other groups; 0 where
// there is no such link.
struct GroupPath {
  int32_t devices = 1;
  int32_t servers = 1;       // that it spans
  int32_t per_server = 1;    // of its devices in one server, the most
  BytesPerSecond ring;       // the slowest hop of a ring through all of them
  BytesPerSecond inside;     // from one device to another of its server
  BytesPerSecond exchange;   // of a device with all others of its server at once
  BytesPerSecond outside;    // of one server to the others
  BytesPerSecond port;       // of one device to one in another server
  BytesPerSecond in_switch;  // of an all-reduce that the switch inside the server adds up
  Seconds inside_latency;    // of one ring step
  Seconds outside_latency;
  bool operator==(const GroupPath&) const = default;
};

// Contract (executed against every model in the catalogue): 0 for one device; finite, >= 0, never
// falling and without jumps when bytes grow, while a byte's share of it never grows (bounds rely on
// that: PipelineProblem::LeastTail); never below the bytes that must leave a device or a server,
// over the bandwidth there.
class CollectiveModel {
 public:
  virtual ~CollectiveModel() = default;
  // Seconds for a full tensor of `bytes` that each device contributes to; infinite where the
  // algorithm cannot run.
  virtual Seconds Time(const GroupPath& path, Bytes bytes) const = 0;
};

// Seconds of one algorithm over one path, for any number of bytes: with v B bytes of a tensor of B
// over a link of bandwidth w, all of which is reached only with q bytes on their way,
//
//   t = start + v B / w (1 + q / (B + q))
struct TransferCurve {
  Seconds start = {std::numeric_limits<double>::infinity()};  // where it cannot run
  double seconds_per_byte = 0;                                // v / w
  double under_way = 0;                                       // q

  Seconds At(Bytes bytes) const {
    return start +
           Seconds{bytes.value * seconds_per_byte * (1 + under_way / (bytes.value + under_way))};
  }
};

// A model whose times are such curves.
class CurveModel : public CollectiveModel {
 public:
  // Of a path of several devices.
  virtual TransferCurve CurveOf(const GroupPath& path) const = 0;

  Seconds Time(const GroupPath& path, Bytes bytes) const final {
    return path.devices <= 1 || bytes.value <= 0 ? Seconds{0} : CurveOf(path).At(bytes);
  }
};

}  // namespace automap

// The machines as the simulator sees them: devices in a line, server by server.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "simulator/program.h"

namespace automap {

inline constexpr int kNumberTypes = 6;  // of NumberType

struct DeviceType {
  std::string name;
  Bytes memory;  // all of it
  BytesPerSecond memory_bandwidth;
  std::array<FlopsPerSecond, kNumberTypes> peak;  // by NumberType
  Seconds launch;                                 // what every kernel costs at least
  bool operator==(const DeviceType&) const = default;
};

struct Link {
  BytesPerSecond bandwidth;  // one direction, at the wire
  Seconds latency;           // one hop
  double efficiency = 0.8;   // share of the wire that large collectives reach
  bool operator==(const Link&) const = default;
};

struct Server {
  int32_t type = 0;          // index into Cluster::types
  int32_t first_device = 0;  // number of its first usable device
  int32_t device_count = 0;  // usable ones
  Link inside;               // between its devices
  Link outside;              // all ports together
  bool operator==(const Server&) const = default;
};

// Immutable after ClusterFromProto. Usable devices only, numbered without gaps in the order of
// servers.
struct Cluster {
  std::string name;
  std::vector<DeviceType> types;
  std::vector<Server> servers;
  std::vector<int32_t> server_of;  // by device
  // Bandwidth into the switches over bandwidth out of them, the worst of them.
  double oversubscription = 1;
  bool operator==(const Cluster&) const = default;

  int32_t device_count() const { return static_cast<int32_t>(server_of.size()); }
};

}  // namespace automap

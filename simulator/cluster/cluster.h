// The machines as the simulator sees them: devices in a line, server by server, and the tree of
// switches between the servers.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "simulator/program.h"

namespace automap {

inline constexpr int kNumberTypes = 6;   // of NumberType
inline constexpr int kComputeKinds = 3;  // of ComputeKind

// Share of its peak that a large kernel reaches, by ComputeKind and NumberType.
using EfficiencyTable = std::array<std::array<double, kNumberTypes>, kComputeKinds>;

struct DeviceType {
  std::string name;
  Bytes memory;  // all of it
  BytesPerSecond memory_bandwidth;
  std::array<FlopsPerSecond, kNumberTypes> peak;  // by NumberType
  Seconds launch;                                 // what every kernel costs at least
  EfficiencyTable efficiency;
  int32_t multiprocessors = 0;  // blocks of a kernel that run at once; 0: not counted

  // What a kernel that only reads and writes memory reaches.
  BytesPerSecond SweepBandwidth(NumberType type = NumberType::kF32) const {
    return memory_bandwidth *
           efficiency[static_cast<int>(ComputeKind::kMemory)][static_cast<int>(type)];
  }
  bool operator==(const DeviceType&) const = default;
};

struct Link {
  BytesPerSecond bandwidth;           // one direction, at the wire
  Seconds latency;                    // one step of a ring over it
  double efficiency = 0.8;            // share of the wire that large collectives reach
  bool half_duplex = false;           // sends or receives, not both at once
  bool reduces_in_switch = false;     // the switch adds up what passes through it
  bool cube_mesh = false;             // wired as in DGX-1, without a switch
  double in_switch_efficiency = 0.6;  // share of the wire that the switch reaches adding up
  bool operator==(const Link&) const = default;

  // What a collective reaches that sends and receives all the time.
  BytesPerSecond Reached() const { return bandwidth * (half_duplex ? efficiency / 2 : efficiency); }
};

struct Server {
  int32_t type = 0;           // index into Cluster::types
  int32_t first_device = 0;   // number of its first usable device
  int32_t device_count = 0;   // usable ones
  Link inside;                // between its devices
  Link outside;               // all ports together
  BytesPerSecond port;        // what one port reaches, the fastest one
  int32_t switch_index = -1;  // index into Cluster::switches; -1: the full-bandwidth one
  bool operator==(const Server&) const = default;
};

// A switch and everything below it.
struct Switch {
  int32_t parent = -1;    // index into Cluster::switches; -1: topmost
  BytesPerSecond uplink;  // what all servers below it reach together to the rest of the cluster
  // For a switch with all servers below it: bandwidth into it over what it can carry. Else 1.
  double congestion = 1;
  bool operator==(const Switch&) const = default;
};

// Immutable after ClusterFromProto. Usable devices only, numbered without gaps in the order of
// servers.
struct Cluster {
  std::string name;
  std::vector<DeviceType> types;
  std::vector<Server> servers;
  std::vector<int32_t> server_of;  // by device
  std::vector<Switch> switches;    // parents may come before or after their children
  bool operator==(const Cluster&) const = default;

  int32_t device_count() const { return static_cast<int32_t>(server_of.size()); }
};

}  // namespace automap

// What gRPC has counted on each of its server's connections.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "server/api/connection_guard.h"

namespace automap {

// Reads channelz, which gRPC keeps for every connection, with TLS or without, and which answers
// while gRPC itself does not. For a process with one server. Not thread-safe.
class GrpcSockets {
 public:
  // Of a peer as PeerOf gives it; without bytes. Nothing while gRPC does not have the connection:
  // not yet, or not any more.
  std::optional<Traffic> TrafficOf(const std::string& peer);
  void Forget(const std::string& peer) { socket_of_.erase(peer); }

 private:
  // O(connections).
  void List();

  std::map<std::string, int64_t> socket_of_;  // by peer
};

}  // namespace automap

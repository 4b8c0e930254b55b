// What gRPC has counted on each of its server's connections.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "server/api/connection_guard.h"

namespace automap {

// An address and a port, the same for all ways to write them.
std::string PeerOf(const void* ip, size_t ip_bytes, uint16_t port);

// Reads channelz, which gRPC keeps for every connection, with TLS or without, and which answers
// while gRPC itself does not. For a process with one server. Not thread-safe.
class GrpcSockets {
 public:
  // Without bytes. Nothing while gRPC does not have the connection: not yet, or not any more.
  std::optional<Traffic> TrafficOf(const std::string& peer);
  void Forget(const std::string& peer) { socket_of_.erase(peer); }

 private:
  // O(connections).
  void List();

  std::map<std::string, int64_t> socket_of_;  // by peer
};

}  // namespace automap

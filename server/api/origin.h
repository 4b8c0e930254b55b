// Where a connection comes from.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace automap {

struct Origin {
  // Whom limits per host mean, as bytes: an IPv4 address; of an IPv6 address its first 64 bits, as
  // whoever has one has all that begin with them, and would be as many hosts as it likes.
  std::string host;
  std::string peer;  // address and port, as PeerOf gives them
  std::string text;  // the same for people: "2001:db8::7 port 4711"
};

// Of a socket's other side, IPv4 or IPv6. Where both are listened for at once, IPv4 addresses come
// inside IPv6 ones (::ffff:10.0.0.1), and are what they would be without.
Origin OriginOf(const sockaddr_storage& address);

// An address of 4 or 16 bytes and a port, the same for both ways to write an IPv4 address.
std::string PeerOf(const void* ip, size_t ip_bytes, uint16_t port);

}  // namespace automap

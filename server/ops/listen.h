// Sockets that listen.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace automap {

// Of HOST:PORT, IPv4, [IPv6] or a name; port 0 is any free one. A descriptor that does not block,
// the caller's to close. UNAVAILABLE when it cannot be had, also when another process listens
// there.
absl::StatusOr<int> ListenOn(const std::string& address);

int PortOf(int socket);

}  // namespace automap

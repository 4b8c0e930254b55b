#include "server/api/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "absl/strings/str_cat.h"

namespace automap {
namespace {

constexpr size_t kNetworkBytes = 8;  // a /64, the least that an IPv6 network gives to one link

// Where an IPv4 address begins inside an IPv6 one.
constexpr size_t kMapped = sizeof(in6_addr) - sizeof(in_addr);

std::string HostOf(const in6_addr& ip) {
  const std::string bytes(reinterpret_cast<const char*>(&ip), sizeof(ip));
  return IN6_IS_ADDR_V4MAPPED(&ip) ? bytes.substr(kMapped) : bytes.substr(0, kNetworkBytes);
}

std::string HostOf(const in_addr& ip) {
  return std::string(reinterpret_cast<const char*>(&ip), sizeof(ip));
}

}  // namespace

std::string PeerOf(const void* ip, size_t ip_bytes, uint16_t port) {
  std::string bytes(static_cast<const char*>(ip), ip_bytes);
  if (ip_bytes == sizeof(in_addr)) bytes.insert(0, std::string(kMapped - 2, '\0') + "\xff\xff");
  return bytes + static_cast<char>(port >> 8) + static_cast<char>(port);
}

Origin OriginOf(const sockaddr_storage& address) {
  const auto origin = [&](const auto& ip, in_port_t port) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(address.ss_family, &ip, text, sizeof(text));
    return Origin{HostOf(ip), PeerOf(&ip, sizeof(ip), ntohs(port)),
                  absl::StrCat(text, " port ", ntohs(port))};
  };
  if (address.ss_family == AF_INET6) {
    const auto& ip6 = reinterpret_cast<const sockaddr_in6&>(address);
    return origin(ip6.sin6_addr, ip6.sin6_port);
  }
  const auto& ip4 = reinterpret_cast<const sockaddr_in&>(address);
  return origin(ip4.sin_addr, ip4.sin_port);
}

}  // namespace automap

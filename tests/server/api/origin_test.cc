// Which connections are one host's.
#include "server/api/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gtest/gtest.h"

namespace automap {
namespace {

Origin From(const char* text, uint16_t port = 4711) {
  sockaddr_storage address = {};
  auto& ip4 = reinterpret_cast<sockaddr_in&>(address);
  auto& ip6 = reinterpret_cast<sockaddr_in6&>(address);
  if (inet_pton(AF_INET, text, &ip4.sin_addr) == 1) {
    ip4.sin_family = AF_INET;
    ip4.sin_port = htons(port);
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &ip6.sin6_addr), 1) << text;
    ip6.sin6_family = AF_INET6;
    ip6.sin6_port = htons(port);
  }
  return OriginOf(address);
}

TEST(Origin, AHostIsAnIpv4Address) {
  EXPECT_EQ(From("10.0.0.1", 1).host, From("10.0.0.1", 2).host);
  EXPECT_NE(From("10.0.0.1").host, From("10.0.0.2").host);
}

TEST(Origin, AHostIsAllThatBeginsWithTheSame64BitsOfAnIpv6Address) {
  EXPECT_EQ(From("2001:db8:1:2::1").host, From("2001:db8:1:2:ffff:ffff:ffff:ffff").host);
  EXPECT_NE(From("2001:db8:1:2::1").host, From("2001:db8:1:3::1").host);
}

TEST(Origin, AnIpv4AddressInsideAnIpv6OneIsThatHost) {
  EXPECT_EQ(From("::ffff:10.0.0.1").host, From("10.0.0.1").host);
  EXPECT_NE(From("::ffff:10.0.0.1").host, From("::ffff:10.0.0.2").host);
  EXPECT_EQ(From("::ffff:10.0.0.1").peer, From("10.0.0.1").peer);
}

TEST(Origin, APeerIsTheWholeAddressAndThePort) {
  EXPECT_NE(From("2001:db8::1").peer, From("2001:db8::2").peer);
  EXPECT_NE(From("2001:db8::1", 1).peer, From("2001:db8::1", 2).peer);
  EXPECT_EQ(From("2001:db8::1").text, "2001:db8::1 port 4711");
}

}  // namespace
}  // namespace automap

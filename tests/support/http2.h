// The little of HTTP/2 that a hostile client of gRPC needs.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace automap {

// One connection to 127.0.0.1 that grants the server next to no room for answers: `window` bytes
// for each stream, and hardly any in the socket. Reads nothing unless told to. It comes from
// 127.0.1.`host`, so that the server sees hosts.
class RawHttp2 {
 public:
  RawHttp2(int port, uint32_t window, bool tls = false, int host = 1);
  ~RawHttp2();
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  static constexpr uint8_t kPing = 6, kWindowUpdate = 8;
  // Any frame, to be sent with the next Send.
  void Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload);
  // Begins a call on the next stream and sends its one message; `message` is serialized.
  void Call(const std::string& method, const std::string& message);
  // Gives up the newest call.
  void Reset();
  // Sends what Call and Reset have put together; false when the server hung up.
  bool Send();
  // Takes what has come and throws it away; false when the server hung up.
  bool Drain();

 private:
  int fd_ = -1;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_ = {nullptr, SSL_free};  // what is sent only
  uint32_t stream_ = 0xffffffff;                                         // the next one is 1
  std::string out_;
};

}  // namespace automap

#include "tests/support/http2.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace automap {
namespace {

constexpr uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4;
constexpr uint8_t kEndStream = 1, kEndHeaders = 4;
constexpr uint8_t kInitialWindow = 4;

std::string BigEndian(uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

// HPACK: a literal that is not indexed, its name as well; both shorter than 127 bytes.
std::string Header(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

// Whoever answers is believed.
std::unique_ptr<SSL, decltype(&SSL_free)> Greet(int fd) {
  static SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context), SSL_free);
  constexpr unsigned char kAlpn[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl.get(), kAlpn, sizeof(kAlpn));
  SSL_set_fd(ssl.get(), fd);
  SSL_connect(ssl.get());
  return ssl;
}

}  // namespace

RawHttp2::RawHttp2(int port, uint32_t window, bool tls, int host) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int room = 4096;
  setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(0x7f000100 + static_cast<uint32_t>(host));
  bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
  if (tls) ssl_ = Greet(fd_);
  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  Frame(kSettings, 0, 0, BigEndian(kInitialWindow, 2) + BigEndian(window, 4));
  Frame(kSettings, 1, 0, "");  // an acknowledgement of the server's, whatever they are
}

RawHttp2::~RawHttp2() { close(fd_); }

void RawHttp2::Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  out_ += BigEndian(static_cast<uint32_t>(payload.size()), 3) + static_cast<char>(type) +
          static_cast<char>(flags) + BigEndian(stream, 4) + payload;
}

void RawHttp2::Call(const std::string& method, const std::string& message) {
  stream_ += 2;
  Frame(kHeaders, kEndHeaders, stream_,
        Header(":method", "POST") + Header(":scheme", "http") +
            Header(":path", "/automap.v1." + method) + Header(":authority", "localhost") +
            Header("te", "trailers") + Header("content-type", "application/grpc"));
  Frame(kData, kEndStream, stream_,
        std::string(1, '\0') + BigEndian(static_cast<uint32_t>(message.size()), 4) + message);
}

void RawHttp2::Reset() { Frame(kReset, 0, stream_, BigEndian(8, 4)); }  // CANCEL

bool RawHttp2::Send() {
  while (!out_.empty()) {
    const ssize_t sent = ssl_ == nullptr
                             ? send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL)
                             : SSL_write(ssl_.get(), out_.data(), static_cast<int>(out_.size()));
    if (sent <= 0) return false;
    out_.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

bool RawHttp2::Drain() {
  char buffer[1 << 16];
  while (true) {
    const ssize_t received = recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (received < 0) return true;
  }
}

}  // namespace automap

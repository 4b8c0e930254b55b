#include "server/api/accept_loop.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr int kBacklog = 1024;
constexpr int kEvents = 64;

absl::Status Refuse(const std::string& address, absl::string_view text) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", text));
}

absl::StatusOr<int> Bind(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return Refuse(address, "must be HOST:PORT");
  absl::string_view host(address.data(), colon);
  absl::ConsumePrefix(&host, "[");
  absl::ConsumeSuffix(&host, "]");
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(std::string(host).c_str(), address.c_str() + colon + 1, &hints, &found);
  if (error != 0) return Refuse(address, gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  const int fd =
      socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, found->ai_protocol);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, kBacklog) == 0)
    return fd;
  const std::string text = std::strerror(errno);
  if (fd >= 0) close(fd);
  return Refuse(address, absl::StrCat(text, "; is another server there?"));
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

// The address' bytes, without the port.
std::string HostOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    const auto& ip = reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
    return std::string(reinterpret_cast<const char*>(&ip), sizeof(ip));
  }
  const auto& ip = reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  return std::string(reinterpret_cast<const char*>(&ip), sizeof(ip));
}

void Add(int epoll, int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AcceptLoop>> AcceptLoop::Listen(const std::string& address) {
  ASSIGN_OR_RETURN(const int listener, Bind(address));
  const int closings = epoll_create1(EPOLL_CLOEXEC), stop = eventfd(0, EFD_CLOEXEC);
  Add(closings, listener, EPOLLIN);
  Add(closings, stop, EPOLLIN);
  return std::unique_ptr<AcceptLoop>(new AcceptLoop(listener, PortOf(listener), closings, stop));
}

AcceptLoop::~AcceptLoop() {
  Stop();
  close(listener_);
  close(stop_);
  close(closings_);
}

void AcceptLoop::Start(int64_t max_connections, int64_t max_per_host, Take take,
                       std::function<void()> on_refused) {
  max_connections_ = max_connections;
  max_per_host_ = max_per_host;
  take_ = std::move(take);
  on_refused_ = std::move(on_refused);
  thread_ = std::thread([this] { Run(); });
}

void AcceptLoop::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  (void)!write(stop_, &one, sizeof(one));
  thread_.join();
}

void AcceptLoop::Run() {
  epoll_event events[kEvents];
  while (true) {
    const int count = epoll_wait(closings_, events, kEvents, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == stop_) return;
      if (fd == listener_) {
        Accept();
      } else {
        // The other side or gRPC has hung up. Closing alone would leave the registration alive as
        // long as gRPC's descriptor of the same socket is open.
        epoll_ctl(closings_, EPOLL_CTL_DEL, fd, nullptr);
        close(fd);
        --connections_;
        const auto host = host_of_.find(fd);
        if (--count_of_[host->second] == 0) count_of_.erase(host->second);
        host_of_.erase(host);
      }
    }
  }
}

// The duplicate says when the connection ends: gRPC shuts the socket down before it closes its own.
void AcceptLoop::Accept() {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  const int socket = accept4(listener_, reinterpret_cast<sockaddr*>(&address), &size,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      usleep(10'000);  // until some connection ends
    return;
  }
  const std::string host = HostOf(address);
  const auto known = count_of_.find(host);
  const bool has_room = connections_ < max_connections_ &&
                        (known == count_of_.end() || known->second < max_per_host_);
  const int duplicate = has_room ? fcntl(socket, F_DUPFD_CLOEXEC, 0) : -1;
  if (duplicate < 0) {
    close(socket);
    return on_refused_();
  }
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ++connections_;
  ++count_of_[host];
  host_of_[duplicate] = host;
  Add(closings_, duplicate, EPOLLRDHUP);  // and EPOLLHUP, EPOLLERR, always
  take_(listener_, socket);
}

}  // namespace automap

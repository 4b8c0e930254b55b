#include "server/api/accept_loop.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "server/api/origin.h"
#include "server/ops/listen.h"

namespace automap {
namespace {

constexpr int kEvents = 64;
constexpr int kLookMs = 100;
constexpr absl::Duration kMaxSilence = absl::Seconds(10);
constexpr uint8_t kClosed = 7;  // TCP_CLOSE in netinet/tcp.h, which does not go with linux/tcp.h
constexpr int64_t kWorthALook = 4096;  // bytes; the frames of a hundred calls at least

tcp_info InfoOf(int socket) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size);
  return info;
}

int Unread(int socket) {
  int bytes = 0;
  ioctl(socket, FIONREAD, &bytes);
  return bytes;
}

// By gRPC; what the kernel holds for it has not been looked at. Never more than is true, as the
// second figure is the newer one.
int64_t BytesRead(int socket) {
  const tcp_info info = InfoOf(socket);
  return static_cast<int64_t>(info.tcpi_bytes_received) - Unread(socket);
}

// Ends the connection and throws away what was received and not read, which shutdown() would leave
// to gRPC.
void Abort(int socket) {
  sockaddr nobody = {};
  nobody.sa_family = AF_UNSPEC;
  connect(socket, &nobody, sizeof(nobody));
}

void Watch(int epoll, int fd, uint32_t events, int change = EPOLL_CTL_ADD) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll, change, fd, &event);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AcceptLoop>> AcceptLoop::Listen(const std::string& address) {
  ASSIGN_OR_RETURN(const int listener, ListenOn(address));
  const int closings = epoll_create1(EPOLL_CLOEXEC), stop = eventfd(0, EFD_CLOEXEC);
  Watch(closings, listener, EPOLLIN);
  Watch(closings, stop, EPOLLIN);
  return std::unique_ptr<AcceptLoop>(new AcceptLoop(listener, PortOf(listener), closings, stop));
}

AcceptLoop::~AcceptLoop() {
  Stop();
  close(listener_);
  close(stop_);
  close(closings_);
}

void AcceptLoop::Start(const Limits& limits, Use use) {
  guard_.emplace(limits);
  use_ = std::move(use);
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
    const int count = epoll_wait(closings_, events, kEvents, open_.empty() ? -1 : kLookMs);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == stop_) return;
      if (fd == listener_) {
        Accept();
      } else if ((events[i].events & (EPOLLHUP | EPOLLERR)) != 0) {
        End(fd);
      } else {
        open_.at(fd).silent_since = SteadyNow();
        Watch(closings_, fd, 0, EPOLL_CTL_MOD);
      }
    }
    if (SteadyNow() - looked_ >= absl::Milliseconds(kLookMs)) Look();
  }
}

// gRPC has hung up, or the other side has broken the connection; then gRPC need not read what it
// sent before. Closing alone would leave the registration alive as long as gRPC's descriptor of the
// same socket is open.
void AcceptLoop::End(int duplicate) {
  const auto connection = open_.find(duplicate);
  if (InfoOf(duplicate).tcpi_state == kClosed) {
    Abort(duplicate);
    if (const char* reason = Judge(connection->second, duplicate))
      use_.on_closed(reason, connection->second.address);
  }
  epoll_ctl(closings_, EPOLL_CTL_DEL, duplicate, nullptr);
  close(duplicate);
  guard_->Leave(connection->second.guarded);
  sockets_.Forget(connection->second.peer);
  open_.erase(connection);
  connections_ = guard_->connections();
}

// The duplicate says when the connection ends: most often gRPC shuts the socket down before it
// closes its own.
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
  const Origin origin = OriginOf(address);
  auto admitted = guard_->Admit(origin.host, SteadyNow());
  const int duplicate = admitted.ok() ? fcntl(socket, F_DUPFD_CLOEXEC, 0) : -1;
  if (duplicate < 0) {
    if (admitted.ok()) guard_->Leave(*admitted);
    close(socket);
    return use_.on_refused(admitted.ok() ? "no_descriptors"
                                         : std::string(admitted.status().message()));
  }
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  connections_ = guard_->connections();
  open_[duplicate] = {*std::move(admitted), origin.peer, origin.text};
  Watch(closings_, duplicate, EPOLLRDHUP);  // EPOLLHUP and EPOLLERR come always
  use_.take(listener_, socket);
}

// What is aborted here ends as an event of the next round.
void AcceptLoop::Look() {
  looked_ = SteadyNow();
  std::vector<int> read;
  for (auto& [duplicate, connection] : open_) {
    // That the other side sends no more is no end while there is something to be read, for some
    // seconds: gRPC may have closed its own without a word.
    const absl::Duration silent = looked_ - connection.silent_since;
    if (silent >= absl::ZeroDuration() && (Unread(duplicate) == 0 || silent > kMaxSilence)) {
      read.push_back(duplicate);
      continue;
    }
    const char* reason = Judge(connection, duplicate);
    if (reason == nullptr) continue;
    Abort(duplicate);
    use_.on_closed(reason, connection.address);
  }
  for (const int duplicate : read) {
    if (Unread(duplicate) > 0) Abort(duplicate);
    End(duplicate);
  }
}

const char* AcceptLoop::Judge(Connection& connection, int duplicate) {
  const int64_t bytes = BytesRead(duplicate);
  if (bytes < connection.guarded.traffic.bytes + kWorthALook) return nullptr;
  std::optional<Traffic> traffic = sockets_.TrafficOf(connection.peer);
  if (!traffic.has_value()) return nullptr;
  traffic->bytes = bytes;
  return guard_->Judge(connection.guarded, *traffic, SteadyNow());
}

}  // namespace automap

#include "server/ops/http_server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "server/ops/listen.h"

namespace automap {
namespace {

constexpr size_t kMaxConnections = 256;
constexpr size_t kMaxRequestBytes = 8192;
constexpr absl::Duration kRequestTime = absl::Seconds(2);
constexpr absl::Duration kAnswerTime = absl::Seconds(15);  // the metrics' making included
constexpr int kAccepted = 64;                              // at a time
constexpr int kLookMs = 100;

std::string Page(absl::string_view status, absl::string_view body) {
  return absl::StrCat("HTTP/1.1 ", status,
                      "\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: ",
                      body.size(), "\r\nConnection: close\r\n\r\n", body);
}

bool MustWait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

void Ring(int wake) {
  const uint64_t one = 1;
  (void)!write(wake, &one, sizeof(one));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              HttpHandlers handlers) {
  ASSIGN_OR_RETURN(const int listener, ListenOn(address));
  return std::unique_ptr<HttpServer>(
      new HttpServer(listener, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), std::move(handlers)));
}

HttpServer::HttpServer(int listener, int wake, HttpHandlers handlers)
    : listener_(listener),
      wake_(wake),
      handlers_(std::move(handlers)),
      serving_([this] { Serve(); }),
      making_([this] { MakeMetrics(); }) {}

HttpServer::~HttpServer() {
  {
    const MutexLock lock(mutex_);
    ends_ = true;
  }
  asked_.notify_all();
  Ring(wake_);
  serving_.join();
  making_.join();
  for (const auto& [fd, connection] : open_) close(fd);
  close(listener_);
  close(wake_);
}

int HttpServer::port() const { return PortOf(listener_); }

void HttpServer::Serve() {
  while (true) {
    std::vector<pollfd> polled = {{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
    for (const auto& [fd, connection] : open_) polled.push_back({fd, Wanted(connection), 0});
    poll(polled.data(), polled.size(), open_.empty() ? -1 : kLookMs);
    if (polled[1].revents != 0) {
      uint64_t rings = 0;
      (void)!read(wake_, &rings, sizeof(rings));
      const MutexLock lock(mutex_);
      if (ends_) return;
    }
    for (size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents != 0 && !GoesOn(polled[i])) Close(open_.find(polled[i].fd));
    }
    HandOutMetrics();
    CloseOld();
    for (int i = 0; i < kAccepted && polled[0].revents != 0 && Accept(); ++i) {
    }
  }
}

short HttpServer::Wanted(const Connection& connection) {
  if (connection.ticket > 0) return 0;
  return connection.answer.empty() ? POLLIN : POLLOUT;
}

bool HttpServer::GoesOn(const pollfd& polled) {
  Connection& connection = open_.at(polled.fd);
  if ((polled.revents & POLLIN) != 0) return Read(polled.fd, connection);
  return (polled.revents & POLLOUT) != 0 && Send(polled.fd, connection);
}

void HttpServer::Close(Open::iterator connection) {
  close(connection->first);
  open_.erase(connection);
}

// Room is made by those that have not said yet what they want.
bool HttpServer::Accept() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (!MustWait()) usleep(10'000);  // no descriptor is left
    return false;
  }
  const auto key = [](const auto& item) {
    return std::make_pair(Wanted(item.second) != POLLIN, item.second.ends);
  };
  if (open_.size() >= kMaxConnections)
    Close(std::min_element(open_.begin(), open_.end(),
                           [&](const auto& a, const auto& b) { return key(a) < key(b); }));
  open_[fd] = {.ends = SteadyNow() + kRequestTime};
  return true;
}

bool HttpServer::Read(int fd, Connection& connection) {
  char bytes[2048];
  const ssize_t count = recv(fd, bytes, sizeof(bytes), 0);
  if (count <= 0) return count < 0 && MustWait();
  connection.request.append(bytes, static_cast<size_t>(count));
  if (absl::StrContains(connection.request, "\r\n\r\n"))
    Answer(connection.request.substr(0, connection.request.find("\r\n")), connection);
  return connection.request.size() <= kMaxRequestBytes;
}

// `line`: "GET /metrics HTTP/1.1".
void HttpServer::Answer(const std::string& line, Connection& connection) {
  connection.ends = SteadyNow() + kAnswerTime;
  if (!absl::StartsWith(line, "GET ")) {
    connection.answer = Page("405 Method Not Allowed", "only GET\n");
    return;
  }
  const std::string path = line.substr(4, line.find_first_of(" ?", 4) - 4);
  if (path == "/metrics") {
    const MutexLock lock(mutex_);
    connection.ticket = ++tickets_;
    asked_.notify_all();
  } else if (path == "/healthz") {
    connection.answer = Page("200 OK", "ok\n");
  } else if (path == "/readyz") {
    connection.answer = handlers_.is_ready() ? Page("200 OK", "ready\n")
                                             : Page("503 Service Unavailable", "draining\n");
  } else {
    connection.answer = Page("404 Not Found", "not here; try /metrics, /healthz or /readyz\n");
  }
}

// The other side's end comes as an error of a later send, or with its time.
bool HttpServer::Send(int fd, Connection& connection) {
  const ssize_t count = send(fd, connection.answer.data(), connection.answer.size(), MSG_NOSIGNAL);
  if (count < 0) return MustWait();
  connection.answer.erase(0, static_cast<size_t>(count));
  return !connection.answer.empty();
}

void HttpServer::HandOutMetrics() {
  const MutexLock lock(mutex_);
  for (auto& [fd, connection] : open_) {
    if (connection.ticket == 0 || connection.ticket > made_) continue;
    connection.ticket = 0;
    connection.answer = text_;
  }
}

void HttpServer::CloseOld() {
  const absl::Time now = SteadyNow();
  for (auto item = open_.begin(); item != open_.end();) {
    const auto connection = item++;
    if (now >= connection->second.ends) Close(connection);
  }
}

void HttpServer::MakeMetrics() {
  while (true) {
    int64_t ticket = 0;
    {
      const MutexLock lock(mutex_);
      while (!ends_ && tickets_ == made_) asked_.wait(mutex_);
      if (ends_) return;
      ticket = tickets_;
    }
    std::string text = Page("200 OK", handlers_.metrics());
    {
      const MutexLock lock(mutex_);
      made_ = ticket;
      text_ = std::move(text);
    }
    Ring(wake_);
  }
}

}  // namespace automap

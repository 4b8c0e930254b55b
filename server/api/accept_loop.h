// Takes connections and hands them to gRPC.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/api/connection_guard.h"
#include "server/api/grpc_sockets.h"
#include "server/ops/limits.h"

namespace automap {

// The listener of Debian's gRPC 1.51 accepts nothing any more once the process has run out of
// descriptors (CVE-2023-4785); this one goes on as soon as there are some again. It closes at once
// whom the guard does not admit, and ten times a second asks gRPC what those connections brought
// that have sent something, for the guard to judge.
class AcceptLoop {
 public:
  struct Use {
    std::function<void(int listener, int socket)> take;  // a connected socket
    std::function<void(const std::string& reason)> on_refused;
    std::function<void(const std::string& reason, const std::string& address)> on_closed;
  };

  // Listens on HOST:PORT; port 0 is any free one. UNAVAILABLE when it cannot.
  static absl::StatusOr<std::unique_ptr<AcceptLoop>> Listen(const std::string& address);
  ~AcceptLoop();

  void Start(const Limits& limits, Use use);
  // Accepts no more. Connections stay.
  void Stop();

  int port() const { return port_; }
  int64_t connections() const { return connections_; }

 private:
  struct Connection {
    ConnectionGuard::Connection guarded;
    std::string peer, address;                         // the same, for gRPC's socket and for people
    absl::Time silent_since = absl::InfiniteFuture();  // the other side sends no more
  };

  AcceptLoop(int listener, int port, int closings, int stop)
      : listener_(listener), port_(port), closings_(closings), stop_(stop) {}
  void Run();
  void Accept();
  void Look();
  // Why the guard will not have the connection any more; null: it may stay.
  const char* Judge(Connection& connection, int duplicate);
  void End(int duplicate);

  const int listener_, port_;
  const int closings_;  // epoll: the listener, `stop_`, and a duplicate of each connection
  const int stop_;      // eventfd
  Use use_;
  std::atomic<int64_t> connections_ = 0;
  // The loop's thread's alone.
  std::optional<ConnectionGuard> guard_;
  GrpcSockets sockets_;
  std::map<int, Connection> open_;  // by duplicate
  absl::Time looked_ = absl::InfinitePast();
  std::thread thread_;
};

}  // namespace automap

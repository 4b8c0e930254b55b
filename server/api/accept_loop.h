// Takes connections and hands them to gRPC.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace automap {

// The listener of Debian's gRPC 1.51 accepts nothing any more once the process has run out of
// descriptors (CVE-2023-4785); this one goes on as soon as there are some again, and closes at once
// what would be more than `max_connections`, or more than `max_per_host` of one address.
class AcceptLoop {
 public:
  // Takes a connected socket.
  using Take = std::function<void(int listener, int socket)>;

  // Listens on HOST:PORT; port 0 is any free one. UNAVAILABLE when it cannot.
  static absl::StatusOr<std::unique_ptr<AcceptLoop>> Listen(const std::string& address);
  ~AcceptLoop();

  void Start(int64_t max_connections, int64_t max_per_host, Take take,
             std::function<void()> on_refused);
  // Accepts no more. Connections stay.
  void Stop();

  int port() const { return port_; }
  int64_t connections() const { return connections_; }

 private:
  AcceptLoop(int listener, int port, int closings, int stop)
      : listener_(listener), port_(port), closings_(closings), stop_(stop) {}
  void Run();
  void Accept();

  const int listener_, port_;
  const int closings_;  // epoll: the listener, `stop_`, and a duplicate of each connection
  const int stop_;      // eventfd
  int64_t max_connections_ = 0, max_per_host_ = 0;
  Take take_;
  std::function<void()> on_refused_;
  std::atomic<int64_t> connections_ = 0;
  // The loop's thread's alone.
  std::map<int, std::string> host_of_;  // by duplicate
  std::map<std::string, int64_t> count_of_;
  std::thread thread_;
};

}  // namespace automap

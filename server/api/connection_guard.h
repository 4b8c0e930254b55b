// Who may connect, and which connections are closed for what they bring.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/ops/limits.h"

namespace automap {

// What a connection has brought since it began.
struct Traffic {
  int64_t bytes = 0;  // read from TCP
  int64_t messages = 0;
  int64_t calls_begun = 0;
  int64_t calls_answered = 0;  // to the end, with whatever status
  int64_t calls_gone = 0;      // answered, or given up and forgotten
};

// gRPC 1.51 reads a connection for as long as more is there to be read, and meanwhile hands on
// nothing that the reading thread has found: who sends frames faster than they are read keeps the
// server from everybody. A connection is closed, and its host gets no new one for five seconds,
//
// - when its host gave up more than `max_given_up_calls_per_second`, averaged over two seconds, and
//   this connection some of them; while its host is out, when it gave up more at once than may be
//   open;
// - when more than `max_unfinished_calls_per_connection` of its calls are not gone: gRPC does not
//   keep up with giving them up;
// - when it is found twice to have brought more than `max_empty_bytes_per_second` that can be of no
//   message. Each call and each message may be as large as messages may be, and the frames around
//   it an eighth. Once is not enough: what was read may not have been looked at.
//
// Answered calls cost nothing. O(log(hosts)) each. Not thread-safe.
class ConnectionGuard {
 public:
  struct Connection {
    std::string host;
    Traffic traffic = {};  // when it was judged last
    absl::Time judged = {};
    double allowance = 0;    // bytes that it may bring
    bool overdrawn = false;  // it had brought more
  };

  explicit ConnectionGuard(const Limits& limits) : limits_(limits) {}

  // One more connection of the host's, or why it may not be, as metrics say it.
  absl::StatusOr<Connection> Admit(const std::string& host, absl::Time now);
  void Leave(const Connection& connection);

  // Null: it may stay. Otherwise why it may not, as metrics say it.
  const char* Judge(Connection& connection, const Traffic& traffic, absl::Time now);

  int64_t connections() const { return connections_; }
  size_t hosts() const { return hosts_.size(); }  // remembered

 private:
  struct Host {
    int64_t connections = 0;
    double given_up = 0;  // falls by the limit each second, never below 0
    absl::Time at = {};
    absl::Time out_until = absl::InfinitePast();
  };
  const char* WhyNot(Connection& connection, const Traffic& before, Host& host, absl::Time now);
  // The host as it is now.
  Host& Find(const std::string& host, absl::Time now);
  double MaxGivenUp() const;
  int64_t GivenUp(const Traffic& traffic) const;
  double MessageBytes() const;

  const Limits limits_;
  int64_t connections_ = 0;
  std::map<std::string, Host> hosts_;  // with connections, and others for a while
};

}  // namespace automap

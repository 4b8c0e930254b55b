// The HTTP side for operators: /metrics, /healthz, /readyz.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace automap {

struct HttpHandlers {
  std::function<std::string()> metrics;  // Prometheus text; may wait for the store
  std::function<bool()> is_ready;        // takes jobs; must not block
};

// Listens from Start to destruction. One thread has all connections and never blocks; another one
// makes the metrics, so that a store that does not answer is no reason to be taken for dead. Who
// sends no whole request within two seconds is hung up on, and before that when there are too many
// connections, the oldest first: no number of them keeps a scrape out. One request a connection.
// Debian's libraries have no such limits: civetweb gives each connection a thread, libevent 2.1
// bounds the time between two reads, and neither a request's nor the number of connections.
class HttpServer {
 public:
  // `address`: HOST:PORT. UNAVAILABLE when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           HttpHandlers handlers);
  ~HttpServer();

  int port() const;

 private:
  struct Connection {
    absl::Time ends;           // it is closed then
    std::string request = {};  // what has come of it
    std::string answer = {};   // what is to be sent of it
    int64_t ticket = 0;        // waits for the metrics of this number, or later ones
  };

  using Open = std::map<int, Connection>;  // by descriptor

  HttpServer(int listener, int wake, HttpHandlers handlers);
  void Serve();
  bool Accept();  // whether there was one
  void Close(Open::iterator connection);
  // What it is waited for, as poll() says it.
  static short Wanted(const Connection& connection);
  // Does what can be done; false when the connection is at its end. So do Read and Send.
  bool GoesOn(const pollfd& polled);
  bool Read(int fd, Connection& connection);
  bool Send(int fd, Connection& connection);
  void Answer(const std::string& line, Connection& connection);
  void HandOutMetrics();
  void CloseOld();
  void MakeMetrics();

  const int listener_, wake_;  // `wake_`: an eventfd
  const HttpHandlers handlers_;
  Open open_;  // the serving thread's alone
  Mutex mutex_;
  ConditionVariable asked_;
  int64_t tickets_ ABSL_GUARDED_BY(mutex_) = 0;  // asked for
  int64_t made_ ABSL_GUARDED_BY(mutex_) = 0;     // up to this one
  std::string text_ ABSL_GUARDED_BY(mutex_);     // the answer to them
  bool ends_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread serving_, making_;
};

}  // namespace automap

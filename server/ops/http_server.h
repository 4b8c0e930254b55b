// The HTTP side for operators: /metrics, /healthz, /readyz.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

class CivetServer;

namespace automap {

struct HttpHandlers {
  std::function<std::string()> metrics;  // Prometheus text
  std::function<bool()> is_ready;        // takes jobs
};

// Listens from Start to destruction. Eight threads and a request time limit, so that half-open
// requests do not block a scrape.
class HttpServer {
 public:
  // `address`: HOST:PORT. UNAVAILABLE when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           HttpHandlers handlers);
  ~HttpServer();

 private:
  class Handler;
  HttpServer();
  HttpHandlers handlers_;
  std::unique_ptr<Handler> handler_;
  std::unique_ptr<CivetServer> server_;
};

}  // namespace automap

#include "server/ops/http_server.h"

#include <CivetServer.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace automap {

class HttpServer::Handler final : public CivetHandler {
 public:
  explicit Handler(const HttpHandlers& handlers) : handlers_(handlers) {}

  bool handleGet(CivetServer*, mg_connection* connection) override {
    const std::string path = mg_get_request_info(connection)->local_uri;
    if (path == "/metrics") return Answer(connection, 200, handlers_.metrics());
    if (path == "/healthz") return Answer(connection, 200, "ok\n");
    if (path == "/readyz")
      return handlers_.is_ready() ? Answer(connection, 200, "ready\n")
                                  : Answer(connection, 503, "draining\n");
    return Answer(connection, 404, "not here; try /metrics, /healthz or /readyz\n");
  }

 private:
  static bool Answer(mg_connection* connection, int code, const std::string& body) {
    mg_printf(connection,
              "HTTP/1.1 %d %s\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: "
              "%zu\r\nConnection: close\r\n\r\n",
              code,
              code == 200   ? "OK"
              : code == 503 ? "Service Unavailable"
                            : "Not Found",
              body.size());
    mg_write(connection, body.data(), body.size());
    return true;
  }

  const HttpHandlers& handlers_;
};

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              HttpHandlers handlers) {
  std::unique_ptr<HttpServer> server(new HttpServer);
  server->handlers_ = std::move(handlers);
  server->handler_ = std::make_unique<Handler>(server->handlers_);
  try {
    server->server_ = std::make_unique<CivetServer>(
        std::vector<std::string>{"listening_ports", address, "num_threads", "8",
                                 "request_timeout_ms", "2000", "enable_directory_listing", "no"});
  } catch (const CivetException& error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", error.what()));
  }
  server->server_->addHandler("/", *server->handler_);
  return server;
}

}  // namespace automap

// The gRPC server on its socket: limits, TLS, reflection, health.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "server/api/accept_loop.h"
#include "server/ops/limits.h"
#include "server/ops/metrics.h"

namespace automap {

struct TransportOptions {
  std::string listen = "127.0.0.1:8470";  // HOST:PORT
  // PEM files, read again when they change. Without a certificate: no TLS.
  std::string tls_certificate, tls_key;
  std::string tls_client_ca;  // clients must have a certificate of it
  bool reflection = true;
  // Serve without TLS or without knowing callers on an address that others can reach.
  bool allow_insecure = false;
  bool knows_callers = false;  // by token or certificate
  // Hears of each connection that is closed for what it sent.
  std::function<void(const std::string& reason, const std::string& address)> on_closed;
};

// INVALID_ARGUMENT, with what to do, when the options would serve others without protection, or
// name files that cannot be read.
absl::Status CheckTransport(const TransportOptions& options);

class Transport {
 public:
  // UNAVAILABLE when the address is taken. The services must outlive it.
  static absl::StatusOr<std::unique_ptr<Transport>> Start(const TransportOptions& options,
                                                          const Limits& limits, Metrics& metrics,
                                                          std::vector<grpc::Service*> services);
  // Health says so from now on.
  void StopServing() { server_->GetHealthCheckService()->SetServingStatus(false); }
  ~Transport();
  int port() const { return accept_->port(); }
  int64_t connections() const { return accept_->connections(); }
  bool has_reflection() const { return has_reflection_; }  // asked for, and its library is there

 private:
  Transport() = default;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<AcceptLoop> accept_;
  bool has_reflection_ = false;
};

}  // namespace automap

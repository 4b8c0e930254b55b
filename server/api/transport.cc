#include "server/api/transport.h"

#include <dlfcn.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_credentials_options.h"

namespace automap {
namespace {

constexpr int kRereadSeconds = 10;  // certificates

bool IsLoopback(const std::string& listen) {
  return absl::StartsWith(listen, "127.") || absl::StartsWith(listen, "localhost:") ||
         absl::StartsWith(listen, "[::1]:");
}

absl::Status CheckFile(absl::string_view flag, const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", path, " cannot be read"));
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const TransportOptions& options) {
  using namespace grpc::experimental;  // NOLINT: gRPC 1.51 has TLS with rotation there only
  if (options.tls_certificate.empty()) return grpc::InsecureServerCredentials();
  auto provider = std::make_shared<FileWatcherCertificateProvider>(
      options.tls_key, options.tls_certificate, options.tls_client_ca, kRereadSeconds);
  TlsServerCredentialsOptions tls(provider);
  tls.watch_identity_key_cert_pairs();
  if (!options.tls_client_ca.empty()) {
    tls.watch_root_certs();
    tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return TlsServerCredentials(tls);
}

// Every server of a process has reflection from the moment that its library is there, whether it
// was asked for or not; so it is loaded when it is. Whether it is there now: not where it is not
// installed.
bool LoadReflection() {
  const std::string version = grpc::Version();  // 1.51.1, whose library is called 1.51
  const std::string library =
      absl::StrCat("libgrpc++_reflection.so.", version.substr(0, version.rfind('.')));
  return dlopen(library.c_str(), RTLD_NOW) != nullptr;
}

void SetLimits(grpc::ServerBuilder& builder, const Limits& limits) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.max_message_bytes));
  // A compressed message is inflated before its size is checked: refuse compression.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 1);  // the guard's eyes
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.max_streams_per_connection);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // No ping is one too many: gRPC queues a farewell for each, which costs more than all it answers.
  // The guard counts them.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
}

}  // namespace

absl::Status CheckTransport(const TransportOptions& options) {
  RETURN_IF_ERROR(CheckFile("--tls-certificate", options.tls_certificate));
  RETURN_IF_ERROR(CheckFile("--tls-key", options.tls_key));
  RETURN_IF_ERROR(CheckFile("--tls-client-ca", options.tls_client_ca));
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return absl::InvalidArgumentError(
        "--tls-certificate and --tls-key: one is missing, both belong together");
  if (!options.tls_client_ca.empty() && options.tls_certificate.empty())
    return absl::InvalidArgumentError("--tls-client-ca: needs --tls-certificate and --tls-key");
  if (IsLoopback(options.listen) || options.allow_insecure) return absl::OkStatus();
  if (options.tls_certificate.empty() || !options.knows_callers)
    return absl::InvalidArgumentError(
        absl::StrCat("--listen ", options.listen,
                     ": others can reach it; give --tls-certificate, --tls-key and --principals, "
                     "or say --allow-insecure"));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Transport>> Transport::Start(const TransportOptions& options,
                                                            const Limits& limits, Metrics& metrics,
                                                            std::vector<grpc::Service*> services) {
  std::unique_ptr<Transport> transport(new Transport);
  ASSIGN_OR_RETURN(transport->accept_, AcceptLoop::Listen(options.listen));
  grpc::EnableDefaultHealthCheckService(true);
  transport->has_reflection_ = options.reflection && LoadReflection();
  grpc::ServerBuilder builder;
  transport->acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      Credentials(options));
  for (grpc::Service* service : services) builder.RegisterService(service);
  SetLimits(builder, limits);
  transport->server_ = builder.BuildAndStart();
  if (transport->server_ == nullptr)
    return absl::UnavailableError("gRPC does not start with these certificates");
  transport->accept_->Start(
      limits,
      {.take =
           [&acceptor = *transport->acceptor_](int listener, int socket) {
             grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
             parameters.listener_fd = listener;
             parameters.fd = socket;
             acceptor.HandleNewConnection(&parameters);
           },
       .on_refused = [&metrics](const std::string& reason) { metrics.ConnectionRefused(reason); },
       .on_closed =
           [&metrics, on_closed = options.on_closed](const std::string& reason,
                                                     const std::string& address) {
             metrics.ConnectionClosed(reason);
             if (on_closed) on_closed(reason, address);
           }});
  return transport;
}

Transport::~Transport() {
  accept_.reset();
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace automap

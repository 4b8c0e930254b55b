// Where automapd is, and as whom it is called.
#pragma once

#include <string>

#include "CLI/CLI.hpp"

namespace automap {

// Files in PEM; empty ones mean none. With an authority or a certificate the connection is TLS.
struct ServerAddress {
  std::string server = "127.0.0.1:8470";  // HOST:PORT
  std::string tls_ca;  // who signed the server's certificate; default: the system's
  std::string tls_certificate, tls_key;  // the caller's own
  std::string token_file;                // its first line is the caller's token

  bool uses_tls() const { return !tls_ca.empty() || !tls_certificate.empty(); }
};

// --server, --tls-ca, --tls-certificate, --tls-key and --token-file, or the environment's
// AUTOMAP_SERVER, AUTOMAP_TLS_CA, ...
void AddServerAddress(CLI::App& command, ServerAddress& address);

}  // namespace automap

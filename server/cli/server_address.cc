#include "server/cli/server_address.h"

namespace automap {

void AddServerAddress(CLI::App& command, ServerAddress& address) {
  command.add_option("--server", address.server, "host:port of automapd")
      ->envname("AUTOMAP_SERVER");
  command
      .add_option("--tls-ca", address.tls_ca,
                  "PEM file of who signed the server's certificate; speaks TLS")
      ->envname("AUTOMAP_TLS_CA");
  CLI::Option* certificate =
      command.add_option("--tls-certificate", address.tls_certificate, "PEM file, your own")
          ->envname("AUTOMAP_TLS_CERTIFICATE");
  command.add_option("--tls-key", address.tls_key, "PEM file of its key")
      ->envname("AUTOMAP_TLS_KEY")
      ->needs(certificate);
  command.add_option("--token-file", address.token_file, "file whose first line is your token")
      ->envname("AUTOMAP_TOKEN_FILE");
}

}  // namespace automap

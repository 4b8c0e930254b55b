#include "server/api/grpc_sockets.h"

#include <arpa/inet.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "grpc/grpc.h"
#include "grpc/support/alloc.h"
#include "nlohmann/json.hpp"
#include "server/api/origin.h"

namespace automap {
namespace {

using Json = nlohmann::json;

constexpr int64_t kAll = 1'000'000;

// Takes what gRPC has allocated; null where it has nothing.
Json Take(char* text) {
  if (text == nullptr) return nullptr;
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  gpr_free(text);
  return json;
}

// proto3 JSON: 64-bit numbers are strings, zeros are left out.
int64_t Number(const Json& json, const char* key) {
  int64_t number = 0;
  (void)absl::SimpleAtoi(json.value(key, "0"), &number);
  return number;
}

// Of "chttp2 ipv4:127.0.0.1:47004" or "chttp2 ipv6:%5B::1%5D:47004"; empty where it is neither.
std::string PeerNamed(const std::string& name) {
  const std::string uri =
      absl::StrReplaceAll(name, {{"%5B", "["}, {"%5D", "]"}, {"%5b", "["}, {"%5d", "]"}});
  const size_t scheme = uri.rfind(" ipv"), colon = uri.rfind(':');
  if (scheme == std::string::npos || colon < scheme + 6) return "";
  const std::string host =
      absl::StrReplaceAll(uri.substr(scheme + 6, colon - scheme - 6), {{"[", ""}, {"]", ""}});
  int port = 0;
  in6_addr ip = {};
  if (!absl::SimpleAtoi(uri.substr(colon + 1), &port)) return "";
  const bool is_6 = uri[scheme + 4] == '6';
  if (inet_pton(is_6 ? AF_INET6 : AF_INET, host.c_str(), &ip) != 1) return "";
  return PeerOf(&ip, is_6 ? sizeof(in6_addr) : sizeof(in_addr), static_cast<uint16_t>(port));
}

}  // namespace

std::optional<Traffic> GrpcSockets::TrafficOf(const std::string& peer) {
  if (socket_of_.count(peer) == 0) List();
  const auto found = socket_of_.find(peer);
  if (found == socket_of_.end()) return std::nullopt;
  const Json answer = Take(grpc_channelz_get_socket(found->second));
  if (!answer.is_object()) return std::nullopt;
  const Json& data = answer["socket"]["data"];
  Traffic traffic = {.messages = Number(data, "messagesReceived"),
                     .calls_begun = Number(data, "streamsStarted"),
                     .calls_answered = Number(data, "streamsSucceeded")};
  traffic.calls_gone = traffic.calls_answered + Number(data, "streamsFailed");
  return traffic;
}

void GrpcSockets::List() {
  const Json servers = Take(grpc_channelz_get_servers(0));
  if (!servers.is_object() || !servers.contains("server")) return;
  const int64_t server = Number(servers["server"][0]["ref"], "serverId");
  const Json sockets = Take(grpc_channelz_get_server_sockets(server, 0, kAll));
  if (!sockets.is_object() || !sockets.contains("socketRef")) return;
  socket_of_.clear();
  // In the order of their numbers: of one peer's, the newest stays.
  for (const Json& socket : sockets["socketRef"])
    socket_of_[PeerNamed(socket.value("name", ""))] = Number(socket, "socketId");
}

}  // namespace automap

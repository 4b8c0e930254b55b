#include "server/api/connection_guard.h"

#include <algorithm>
#include <utility>

namespace automap {
namespace {

constexpr double kAverageSeconds = 2;
constexpr absl::Duration kOut = absl::Seconds(5);
constexpr double kFrames = 1.125;     // bytes sent for a byte of a message, TLS included
constexpr double kGreeting = 65'536;  // bytes before the first call: certificates, settings
constexpr size_t kMaxHosts = 10'000;  // remembered without a connection

}  // namespace

double ConnectionGuard::MaxGivenUp() const {
  return kAverageSeconds * static_cast<double>(limits_.max_given_up_calls_per_second);
}

// Calls that can be open are not given up yet.
int64_t ConnectionGuard::GivenUp(const Traffic& traffic) const {
  return std::max(int64_t{0}, traffic.calls_begun - traffic.calls_answered -
                                  limits_.max_streams_per_connection);
}

double ConnectionGuard::MessageBytes() const {
  return kFrames * static_cast<double>(limits_.max_message_bytes);
}

ConnectionGuard::Host& ConnectionGuard::Find(const std::string& name, absl::Time now) {
  if (hosts_.size() > kMaxHosts)
    std::erase_if(hosts_, [](const auto& host) { return host.second.connections == 0; });
  Host& host = hosts_.try_emplace(name, Host{.at = now}).first->second;
  host.given_up = std::max(
      0.0, host.given_up - absl::ToDoubleSeconds(now - host.at) * MaxGivenUp() / kAverageSeconds);
  host.at = now;
  return host;
}

absl::StatusOr<ConnectionGuard::Connection> ConnectionGuard::Admit(const std::string& name,
                                                                   absl::Time now) {
  Host& host = Find(name, now);
  if (connections_ >= limits_.max_connections) return absl::ResourceExhaustedError("too_many");
  if (host.connections >= limits_.max_connections_per_host)
    return absl::ResourceExhaustedError("too_many_of_host");
  if (now < host.out_until) return absl::ResourceExhaustedError("host_sent_too_much");
  ++connections_;
  ++host.connections;
  return Connection{.host = name, .judged = now, .allowance = kGreeting};
}

void ConnectionGuard::Leave(const Connection& connection) {
  const auto host = hosts_.find(connection.host);
  --connections_;
  --host->second.connections;
}

const char* ConnectionGuard::Judge(Connection& connection, const Traffic& traffic, absl::Time now) {
  const Traffic before = std::exchange(connection.traffic, traffic);
  Host& host = Find(connection.host, now);
  const char* reason = WhyNot(connection, before, host, now);
  if (reason != nullptr) host.out_until = now + kOut;
  return reason;
}

const char* ConnectionGuard::WhyNot(Connection& connection, const Traffic& before, Host& host,
                                    absl::Time now) {
  const Traffic& traffic = connection.traffic;
  const int64_t given_up = std::max(int64_t{0}, GivenUp(traffic) - GivenUp(before));
  host.given_up += static_cast<double>(given_up);
  const bool is_worse = now < host.out_until && given_up > limits_.max_streams_per_connection;
  if (is_worse || (given_up > 0 && host.given_up > MaxGivenUp())) return "calls_given_up";
  if (traffic.calls_begun - traffic.calls_gone > limits_.max_unfinished_calls_per_connection)
    return "unfinished_calls";

  const double seconds = absl::ToDoubleSeconds(now - std::exchange(connection.judged, now));
  const auto larger = static_cast<double>(traffic.messages - before.messages + traffic.calls_begun -
                                          before.calls_begun);
  connection.allowance =
      std::min(connection.allowance + larger * MessageBytes() +
                   seconds * static_cast<double>(limits_.max_empty_bytes_per_second) -
                   static_cast<double>(traffic.bytes - before.bytes),
               (1 + limits_.max_streams_per_connection) * MessageBytes());
  const bool was_overdrawn = std::exchange(connection.overdrawn, connection.allowance < 0);
  return was_overdrawn && connection.overdrawn ? "empty_bytes" : nullptr;
}

}  // namespace automap

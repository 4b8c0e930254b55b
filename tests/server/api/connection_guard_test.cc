// Who may connect and who may stay, on a clock of the test's.
#include "server/api/connection_guard.h"

#include "gtest/gtest.h"

namespace automap {
namespace {

constexpr int64_t kMessage = 1000;

Limits Small() {
  Limits limits;
  limits.max_connections = 5;
  limits.max_connections_per_host = 3;
  limits.max_streams_per_connection = 10;
  limits.max_unfinished_calls_per_connection = 100;
  limits.max_given_up_calls_per_second = 50;  // 100 in two seconds
  limits.max_message_bytes = kMessage;
  limits.max_empty_bytes_per_second = 100;
  return limits;
}

class ConnectionGuardTest : public testing::Test {
 protected:
  using Connection = ConnectionGuard::Connection;

  Connection Open(const std::string& host) {
    auto connection = guard_.Admit(host, now_);
    EXPECT_TRUE(connection.ok()) << connection.status();
    return *connection;
  }
  std::string WhyNot(const std::string& host) {
    return std::string(guard_.Admit(host, now_).status().message());
  }
  // "" where it may stay.
  std::string Bring(Connection& connection, const Traffic& more) {
    Traffic sum = connection.traffic;
    sum.bytes += more.bytes;
    sum.messages += more.messages;
    sum.calls_begun += more.calls_begun;
    sum.calls_answered += more.calls_answered;
    sum.calls_gone += more.calls_gone;
    const char* reason = guard_.Judge(connection, sum, now_);
    return reason == nullptr ? "" : reason;
  }
  std::string GiveUp(Connection& connection, int64_t calls) {
    return Bring(connection, {.calls_begun = calls, .calls_gone = calls});
  }

  ConnectionGuard guard_{Small()};
  absl::Time now_ = absl::UnixEpoch();
};

TEST_F(ConnectionGuardTest, CountsConnectionsOfAllAndOfEachHost) {
  const Connection first = Open("a");
  Open("a"), Open("a");
  EXPECT_EQ(WhyNot("a"), "too_many_of_host");
  Open("b"), Open("c");
  EXPECT_EQ(WhyNot("d"), "too_many");
  EXPECT_EQ(guard_.connections(), 5);
  guard_.Leave(first);
  Open("a");
}

TEST_F(ConnectionGuardTest, AnsweredCallsWithLargeMessagesCostNothing) {
  Connection busy = Open("a");
  const Traffic calls = {.bytes = 100 * kMessage,
                         .messages = 100,
                         .calls_begun = 100,
                         .calls_answered = 100,
                         .calls_gone = 100};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Bring(busy, calls), "");
}

TEST_F(ConnectionGuardTest, AsManyCallsAsMayBeOpenAreNotGivenUp) {
  Connection busy = Open("a");
  EXPECT_EQ(Bring(busy, {.calls_begun = 10}), "");
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(Bring(busy, {.calls_begun = 5, .calls_answered = 5, .calls_gone = 5}), "");
}

TEST_F(ConnectionGuardTest, WhoGivesUpMoreThanTheAverageIsClosedAndStaysOutForAWhile) {
  Connection hostile = Open("a");
  EXPECT_EQ(GiveUp(hostile, 110), "") << "100, as 10 may be open";
  EXPECT_EQ(GiveUp(hostile, 40), "calls_given_up");
  Open("b");
  now_ += absl::Seconds(4.9);
  EXPECT_EQ(WhyNot("a"), "host_sent_too_much");
  now_ += absl::Seconds(0.2);
  Open("a");
}

TEST_F(ConnectionGuardTest, TheRateItselfIsAllowedForEver) {
  Connection busy = Open("a");
  GiveUp(busy, 10);
  for (int i = 0; i < 1000; ++i) {
    now_ += absl::Milliseconds(100);
    EXPECT_EQ(GiveUp(busy, 5), "");
  }
}

TEST_F(ConnectionGuardTest, AConnectionOfAHostileHostThatGivesUpNothingStays) {
  Connection hostile = Open("a"), honest = Open("a");
  EXPECT_EQ(GiveUp(hostile, 300), "calls_given_up");
  EXPECT_EQ(Bring(honest, {.calls_begun = 50, .calls_answered = 50, .calls_gone = 50}), "");
}

TEST_F(ConnectionGuardTest, OtherConnectionsOfAHostileHostAreNotWaitedFor) {
  Connection hostile = Open("a"), another = Open("a"), honest = Open("a");
  GiveUp(another, 10);
  GiveUp(honest, 10);
  EXPECT_EQ(Bring(hostile, {.calls_begun = 101}), "unfinished_calls");
  now_ += absl::Seconds(1);
  EXPECT_EQ(GiveUp(another, 11), "calls_given_up");
  EXPECT_EQ(GiveUp(honest, 5), "");
}

TEST_F(ConnectionGuardTest, CallsThatPileUpCloseTheConnection) {
  Connection hostile = Open("a");
  EXPECT_EQ(Bring(hostile, {.calls_begun = 100}), "");
  EXPECT_EQ(Bring(hostile, {.calls_begun = 1}), "unfinished_calls");
  EXPECT_EQ(WhyNot("a"), "host_sent_too_much");
}

TEST_F(ConnectionGuardTest, BytesOfNoMessageCloseTheConnection) {
  Connection hostile = Open("a");
  EXPECT_EQ(Bring(hostile, {.bytes = kMessage}), "");
  EXPECT_EQ(Bring(hostile, {.bytes = 13 * kMessage}), "") << "once";
  EXPECT_EQ(Bring(hostile, {.bytes = 1}), "empty_bytes");
  EXPECT_EQ(WhyNot("a"), "host_sent_too_much");
}

TEST_F(ConnectionGuardTest, BytesThatWereReadBeforeTheirCallWasSeenAreNotEmpty) {
  Connection honest = Open("a");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Bring(honest, {.bytes = 13 * kMessage}), "");
    EXPECT_EQ(
        Bring(honest, {.messages = 12, .calls_begun = 12, .calls_answered = 12, .calls_gone = 12}),
        "");
  }
}

TEST_F(ConnectionGuardTest, MessagesOnAsManyCallsAsMayBeOpenMayBeOnTheirWay) {
  Connection busy = Open("a");
  EXPECT_EQ(Bring(busy, {.bytes = 100, .calls_begun = 10}), "");
  EXPECT_EQ(Bring(busy, {.bytes = 10 * kMessage}), "");
  EXPECT_EQ(Bring(busy, {.messages = 10}), "");
  EXPECT_EQ(Bring(busy, {.bytes = 10 * kMessage}), "");
  EXPECT_EQ(Bring(busy, {.bytes = 4 * kMessage}), "");
  EXPECT_EQ(Bring(busy, {.bytes = 1}), "empty_bytes") << "one never comes to its end";
}

TEST_F(ConnectionGuardTest, AFewEmptyBytesAreAllowedForEver) {
  Connection watcher = Open("a");
  for (int i = 0; i < 1000; ++i) {
    now_ += absl::Seconds(1);
    EXPECT_EQ(Bring(watcher, {.bytes = 100}), "");
  }
}

TEST_F(ConnectionGuardTest, HostsWithoutConnectionsAreForgotten) {
  for (int i = 0; i < 30'000; ++i) {
    Connection connection = Open(std::to_string(i));
    GiveUp(connection, 50);
    guard_.Leave(connection);
  }
  EXPECT_LE(guard_.hosts(), 10'001u);
}

}  // namespace
}  // namespace automap

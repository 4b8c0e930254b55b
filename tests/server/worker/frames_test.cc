#include "server/worker/frames.h"

#include <unistd.h>

#include <thread>

#include "absl/time/clock.h"
#include "base/steady_clock.h"
#include "gtest/gtest.h"

namespace automap {
namespace {

constexpr int64_t kMax = 8 << 20;

class Frames : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(fds_), 0); }
  void TearDown() override {
    close(fds_[0]);
    if (fds_[1] >= 0) close(fds_[1]);
  }
  void WriteRaw(const std::string& bytes) {
    ASSERT_EQ(write(fds_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  absl::StatusOr<std::string> Read(absl::Duration wait = absl::Seconds(20)) {
    return ReadMessage(fds_[0], kMax, SteadyNow() + wait);
  }
  int fds_[2];
};

TEST_F(Frames, MessagesOfAnySizeComeBack) {
  for (const size_t size : {0u, 1u, 1u << 20, (1u << 20) + 1, 3u << 20}) {
    const std::string sent(size, 'x');
    std::thread writer(
        [&] { EXPECT_TRUE(WriteMessage(fds_[1], sent, absl::InfiniteFuture()).ok()); });
    const auto read = Read();
    writer.join();
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, sent);
  }
}

TEST_F(Frames, AMessageThatBeganBeforeTheDeadlineIsReadToItsEnd) {
  ASSERT_TRUE(WriteMessage(fds_[1], "hello", absl::InfiniteFuture()).ok());
  std::string bytes(13, 0);
  ASSERT_EQ(read(fds_[0], bytes.data(), bytes.size()), 13);
  WriteRaw(bytes.substr(0, 8));
  std::thread writer([&] {
    absl::SleepFor(absl::Milliseconds(300));
    WriteRaw(bytes.substr(8));
  });
  const auto message = Read(absl::Milliseconds(50));
  writer.join();
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(*message, "hello");
}

TEST_F(Frames, NothingInTimeIsSaid) {
  EXPECT_EQ(Read(absl::Milliseconds(10)).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(Frames, BytesThatMakeNoSenseAreRefused) {
  struct Case {
    const char* name;
    std::string bytes;
    absl::StatusCode code;
  };
  const Case cases[] = {
      {"checksum", std::string("\5\0\0\0\0\0\0\0hello", 13), absl::StatusCode::kDataLoss},
      {"size", std::string("\377\377\377\0\0\0\0\0", 8), absl::StatusCode::kDataLoss},
      {"end", std::string("\5\0\0\0", 4), absl::StatusCode::kUnavailable},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    WriteRaw(test.bytes);
    close(fds_[1]);
    fds_[1] = -1;
    EXPECT_EQ(Read().status().code(), test.code);
    TearDown();
    SetUp();
  }
}

TEST_F(Frames, TooManyBytesAreRefusedBeforeTheyAreTaken) {
  ASSERT_TRUE(WriteMessage(fds_[1], std::string(1000, 'x'), absl::InfiniteFuture()).ok());
  EXPECT_EQ(ReadMessage(fds_[0], 999, SteadyNow() + absl::Seconds(20)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace automap

#include "server/worker/frames.h"

#include <poll.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"

namespace automap {
namespace {

constexpr uint32_t kMaxFrame = 1 << 20;
constexpr uint32_t kMore = uint32_t{1} << 31;
constexpr absl::Duration kMessageTime = absl::Seconds(10);  // from its first byte to its last

absl::Status WaitFor(int fd, short events, absl::Time deadline) {
  while (true) {
    const int64_t left =
        deadline == absl::InfiniteFuture() ? -1 : absl::ToInt64Milliseconds(deadline - SteadyNow());
    if (deadline != absl::InfiniteFuture() && left <= 0)
      return absl::DeadlineExceededError("worker pipe: no answer in time");
    pollfd item = {fd, events, 0};
    const int ready = poll(&item, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR)
      return absl::UnavailableError(absl::StrCat("worker pipe: ", std::strerror(errno)));
  }
}

absl::Status WriteAll(int fd, const char* data, size_t size, absl::Time deadline) {
  while (size > 0) {
    RETURN_IF_ERROR(WaitFor(fd, POLLOUT, deadline));
    const ssize_t written = write(fd, data, size);
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written <= 0) return absl::UnavailableError("worker pipe: the other side is gone");
    data += written;
    size -= written;
  }
  return absl::OkStatus();
}

absl::Status ReadAll(int fd, char* data, size_t size, absl::Time deadline) {
  while (size > 0) {
    RETURN_IF_ERROR(WaitFor(fd, POLLIN, deadline));
    const ssize_t received = read(fd, data, size);
    if (received < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (received <= 0) return absl::UnavailableError("worker pipe: the other side is gone");
    data += received;
    size -= received;
  }
  return absl::OkStatus();
}

uint32_t Checksum(const char* data, size_t size) {
  return crc32(0, reinterpret_cast<const Bytef*>(data), size);
}

void PutWord(char* to, uint32_t word) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(word >> (8 * i));
}

uint32_t GetWord(const char* from) {
  uint32_t word = 0;
  for (int i = 0; i < 4; ++i)
    word |= static_cast<uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return word;
}

}  // namespace

absl::Status WriteMessage(int fd, absl::string_view payload, absl::Time deadline) {
  do {
    const absl::string_view frame = payload.substr(0, kMaxFrame);
    payload.remove_prefix(frame.size());
    char header[8];
    PutWord(header, static_cast<uint32_t>(frame.size()) | (payload.empty() ? 0 : kMore));
    PutWord(header + 4, Checksum(frame.data(), frame.size()));
    const std::string whole = absl::StrCat(absl::string_view(header, sizeof(header)), frame);
    RETURN_IF_ERROR(WriteAll(fd, whole.data(), whole.size(), deadline));
  } while (!payload.empty());
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadMessage(int fd, int64_t max_bytes, absl::Time deadline) {
  RETURN_IF_ERROR(WaitFor(fd, POLLIN, deadline));
  // What has begun is read to its end: half a message would make nonsense of all that follow.
  deadline = std::max(deadline, SteadyNow() + kMessageTime);
  std::string message;
  bool more = true;
  while (more) {
    char header[8];
    RETURN_IF_ERROR(ReadAll(fd, header, sizeof(header), deadline));
    const uint32_t word = GetWord(header);
    more = (word & kMore) != 0;
    const uint32_t size = word & ~kMore;
    if (size > kMaxFrame)
      return absl::DataLossError(absl::StrCat("worker pipe: frame of ", size, " bytes"));
    if (static_cast<int64_t>(message.size() + size) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("worker pipe: message of more than ", max_bytes, " bytes"));
    }
    const size_t begin = message.size();
    message.resize(begin + size);
    RETURN_IF_ERROR(ReadAll(fd, message.data() + begin, size, deadline));
    if (Checksum(message.data() + begin, size) != GetWord(header + 4)) {
      return absl::DataLossError("worker pipe: checksum does not fit");
    }
  }
  return message;
}

}  // namespace automap

// Bytes as what a worker writes: frames, then an event. And as a message, which is read as it was
// written.
#include "server/worker/frames.h"

#include <unistd.h>

#include <cstdlib>

#include "automap/worker/v1/worker.pb.h"
#include "base/steady_clock.h"
#include "tests/fuzz/fuzz.h"

namespace {

absl::Time Soon() { return automap::SteadyNow() + absl::Milliseconds(100); }

void WriteAndReadAgain(const std::string& message) {
  int fds[2];
  if (pipe(fds) != 0) return;
  const bool is_written = automap::WriteMessage(fds[1], message, Soon()).ok();
  const auto read = automap::ReadMessage(fds[0], 1 << 20, Soon());
  if (is_written && read.ok() && *read != message) abort();
  close(fds[0]);
  close(fds[1]);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 60'000) return 0;  // what a pipe holds
  WriteAndReadAgain({reinterpret_cast<const char*>(data), size});
  int fds[2];
  if (pipe(fds) != 0) return 0;
  const ssize_t written = write(fds[1], data, size);
  close(fds[1]);
  if (written == static_cast<ssize_t>(size)) {
    automap::worker::v1::Event event;
    while (true) {
      const auto message = automap::ReadMessage(fds[0], 1 << 20, Soon());
      if (!message.ok()) break;
      (void)event.ParseFromString(*message);
    }
  }
  close(fds[0]);
  return 0;
}

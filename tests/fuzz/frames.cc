// Bytes as what a worker writes: frames, then an event.
#include "server/worker/frames.h"

#include <unistd.h>

#include "automap/worker/v1/worker.pb.h"
#include "base/steady_clock.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 60'000) return 0;  // what a pipe holds
  int fds[2];
  if (pipe(fds) != 0) return 0;
  const ssize_t written = write(fds[1], data, size);
  close(fds[1]);
  if (written == static_cast<ssize_t>(size)) {
    automap::worker::v1::Event event;
    while (true) {
      const auto message =
          automap::ReadMessage(fds[0], 1 << 20, automap::SteadyNow() + absl::Milliseconds(100));
      if (!message.ok()) break;
      (void)event.ParseFromString(*message);
    }
  }
  close(fds[0]);
  return 0;
}

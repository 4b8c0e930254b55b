// The parent's side of one worker process.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "automap/worker/v1/worker.pb.h"

namespace automap {

struct WorkerLimits {
  // Of its own that it may write to, used or not; of address space it may have somewhat more.
  int64_t memory_bytes = int64_t{6} << 30;
  int64_t cpu_seconds = 3600;  // in all
};

// Owns the process: the destructor kills and reaps it. Deadlines are on base/steady_clock.h. Not
// thread-safe, but for what sends a signal: Terminate to Kill.
class WorkerProcess {
 public:
  // Starts `program` with one BLAS thread, in a process group of its own, and waits until it is
  // ready. UNAVAILABLE when it cannot be started or dies at once.
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const std::string& program,
                                                              const WorkerLimits& limits);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // `task` without its module, whose bytes are written from where they are.
  absl::Status Send(const worker::v1::Task& task, absl::string_view module, absl::Time deadline);
  // The next event. UNAVAILABLE when the process is gone, DEADLINE_EXCEEDED when nothing comes.
  absl::StatusOr<worker::v1::Event> Receive(absl::Time deadline);

  void Terminate();         // asks the present task to end with what it has
  void AskForCheckpoint();  // at the search's next step, where it keeps any
  void Pause();             // stops it where it is; a paused one only dies
  void Resume();
  void Kill();  // at once
  // False once the process has ended, however that came.
  bool IsAlive();
  // How the process ended, for people: waits a moment for it, then says that it runs.
  std::string HowItEnded();
  pid_t pid() const { return pid_; }

 private:
  WorkerProcess(pid_t pid, int in, int out) : pid_(pid), in_(in), out_(out) {}

  const pid_t pid_;
  std::atomic<bool> reaped_ = false;
  int exit_status_ = 0;  // as of waitpid, once reaped
  const int in_, out_;   // our ends: we write tasks to in_, read events from out_
};

}  // namespace automap

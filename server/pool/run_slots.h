// Which of the started jobs compute now.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/jobs/job_store.h"
#include "server/process/worker_process.h"

namespace automap {

// `slots` jobs compute at once. Up to `paused` more may be started, so that a caller who has
// nothing here does not wait for the jobs of one who has more than its share:
//
// - When all slots are taken, a job of a caller who has none started is started all the same, and
//   one of the others pauses: its process is stopped where it is, and loses nothing but time. It is
//   one of the lowest priority, never of a higher one than the newcomer's; of those, one of the
//   caller who has most slots; of those, the one that has computed longest without a pause. A
//   caller's only job has a turn first.
// - A paused job goes on when a slot is free: the highest priority first, then the caller who has
//   fewest. After a turn it takes the slot of a job of its own caller, or of one who has more,
//   whose turn is over as well.
//
// With one caller nothing ever pauses. Thread-safe; linear in the number of started jobs. Times are
// on base/steady_clock.h.
class RunSlots {
 public:
  static constexpr absl::Duration kTurn = absl::Milliseconds(100);

  RunSlots(int slots, int paused) : slots_(slots), max_paused_(paused) {}

  // What may be claimed now, if anything. To be followed by Start or Decline.
  struct Leave {
    bool is_given = false, is_extra = false;
    ClaimFilter filter;
    absl::Time again = absl::InfiniteFuture();  // when it was not given: ask then, or after an end
  };
  Leave Ask(absl::Time now);
  void Decline(const Leave& leave);
  // A job was claimed; its number here.
  int64_t Start(const Leave& leave, const v1::PlanJob& job, absl::Time now);
  void End(int64_t job, absl::Time now);

  // Lets those take turns whose time it is.
  void Turn(absl::Time now);
  // The job computes from now on, whoever else does: it has little left to do.
  void Insist(int64_t job, absl::Time now);
  bool IsPaused(int64_t job) const;
  // How long the job has been paused in all.
  absl::Duration PausedTime(int64_t job, absl::Time now) const;

  int computing() const;
  int paused() const;

  // While it lives, pauses of the job stop the process.
  class Attached {
   public:
    Attached(RunSlots& slots, int64_t job, WorkerProcess& process);
    ~Attached();
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;

   private:
    RunSlots& slots_;
    const int64_t job_;
  };

 private:
  struct Job {
    std::string caller;
    int priority = 0;
    WorkerProcess* process = nullptr;
    bool computes = true, may_pause = true;
    absl::Time since;  // when it last began to compute, or to pause
    absl::Duration paused = absl::ZeroDuration();
  };
  using Jobs = std::map<int64_t, Job>;

  int Computing() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int SlotsOf(const std::string& caller) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether `a` rather than `b` is paused.
  bool PausesBefore(const Job& a, const Job& b) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Since when the job may be paused for another caller's.
  absl::Time PausableFrom(const Job& job) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Who makes room for `other`, null when nobody does.
  Job* FindVictim(const Job& other) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whose turn is over in favour of the paused `other`.
  Job* FindSpent(const Job& other, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Pause(Job& job, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Resume(Job& job, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Fill(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int slots_, max_paused_;
  mutable Mutex mutex_;
  Jobs jobs_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;  // leaves that are neither started nor declined
  bool extra_asked_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace automap

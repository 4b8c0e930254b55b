#include "server/pool/run_slots.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace automap {

int RunSlots::Computing() const {
  return static_cast<int>(std::count_if(jobs_.begin(), jobs_.end(),
                                        [](const auto& item) { return item.second.computes; }));
}

int RunSlots::SlotsOf(const std::string& caller) const {
  return static_cast<int>(std::count_if(jobs_.begin(), jobs_.end(), [&](const auto& item) {
    return item.second.computes && item.second.caller == caller;
  }));
}

bool RunSlots::PausesBefore(const Job& a, const Job& b) const {
  const auto order = [this](const Job& job) {
    return std::tuple(job.priority, -SlotsOf(job.caller), job.since);
  };
  return order(a) < order(b);
}

absl::Time RunSlots::PausableFrom(const Job& job) const {
  if (!job.computes || !job.may_pause) return absl::InfiniteFuture();
  return SlotsOf(job.caller) > 1 ? absl::InfinitePast() : job.since + kTurn;
}

RunSlots::Leave RunSlots::Ask(absl::Time now) {
  MutexLock lock(mutex_);
  Leave leave;
  const int computing = Computing(), started = static_cast<int>(jobs_.size());
  if (computing + asked_ < slots_ && started == computing) {
    leave.is_given = true;
    ++asked_;
    return leave;
  }
  if (extra_asked_ || started - computing >= max_paused_) return leave;
  std::set<std::string> callers;
  int lowest = INT_MAX;
  for (const auto& [id, job] : jobs_) {
    callers.insert(job.caller);
    const absl::Time from = PausableFrom(job);
    leave.again = std::min(leave.again, from);
    if (from <= now) lowest = std::min(lowest, job.priority);
  }
  if (leave.again > now) return leave;
  leave.is_given = leave.is_extra = extra_asked_ = true;
  leave.filter = {.not_of = {callers.begin(), callers.end()}, .min_priority = lowest};
  ++asked_;
  return leave;
}

void RunSlots::Decline(const Leave& leave) {
  MutexLock lock(mutex_);
  --asked_;
  if (leave.is_extra) extra_asked_ = false;
}

int64_t RunSlots::Start(const Leave& leave, const v1::PlanJob& job, absl::Time now) {
  Decline(leave);
  MutexLock lock(mutex_);
  Job& started = jobs_[++last_];
  started.caller = job.caller();
  started.priority = job.options().priority();
  started.since = now;
  if (Computing() > slots_) {
    Job* const victim = FindVictim(started);
    Pause(victim != nullptr ? *victim : started, now);
  }
  return last_;
}

RunSlots::Job* RunSlots::FindVictim(const Job& other) {
  Job* best = nullptr;
  for (auto& [id, job] : jobs_) {
    if (!job.computes || !job.may_pause || job.caller == other.caller ||
        job.priority > other.priority)
      continue;
    if (best == nullptr || PausesBefore(job, *best)) best = &job;
  }
  return best;
}

RunSlots::Job* RunSlots::FindSpent(const Job& other, absl::Time now) {
  Job* best = nullptr;
  for (auto& [id, job] : jobs_) {
    const bool is_spent =
        job.computes && job.may_pause && now - job.since >= kTurn &&
        job.priority <= other.priority &&
        (job.caller == other.caller || SlotsOf(job.caller) > SlotsOf(other.caller));
    if (is_spent && (best == nullptr || PausesBefore(job, *best))) best = &job;
  }
  return best;
}

void RunSlots::End(int64_t job, absl::Time now) {
  MutexLock lock(mutex_);
  jobs_.erase(job);
  Fill(now);
}

void RunSlots::Fill(absl::Time now) {
  const auto goes_first = [this](const Job& a, const Job& b) {
    return std::tuple(-a.priority, SlotsOf(a.caller), a.since) <
           std::tuple(-b.priority, SlotsOf(b.caller), b.since);
  };
  while (Computing() < slots_) {
    Job* next = nullptr;
    for (auto& [id, job] : jobs_) {
      if (!job.computes && (next == nullptr || goes_first(job, *next))) next = &job;
    }
    if (next == nullptr) return;
    Resume(*next, now);
  }
}

void RunSlots::Turn(absl::Time now) {
  MutexLock lock(mutex_);
  for (auto& [id, job] : jobs_) {
    if (job.computes || now - job.since < kTurn) continue;
    Job* const spent = FindSpent(job, now);
    if (spent == nullptr) continue;
    Pause(*spent, now);
    Resume(job, now);
  }
}

void RunSlots::Insist(int64_t job, absl::Time now) {
  MutexLock lock(mutex_);
  Job& own = jobs_.at(job);
  own.may_pause = false;
  if (!own.computes) Resume(own, now);
}

bool RunSlots::IsPaused(int64_t job) const {
  MutexLock lock(mutex_);
  return !jobs_.at(job).computes;
}

absl::Duration RunSlots::PausedTime(int64_t job, absl::Time now) const {
  MutexLock lock(mutex_);
  const Job& own = jobs_.at(job);
  return own.computes ? own.paused : own.paused + (now - own.since);
}

void RunSlots::Pause(Job& job, absl::Time now) {
  job.computes = false;
  job.since = now;
  if (job.process != nullptr) job.process->Pause();
}

void RunSlots::Resume(Job& job, absl::Time now) {
  job.computes = true;
  job.paused += now - job.since;
  job.since = now;
  if (job.process != nullptr) job.process->Resume();
}

int RunSlots::computing() const {
  MutexLock lock(mutex_);
  return Computing();
}

int RunSlots::paused() const {
  MutexLock lock(mutex_);
  return static_cast<int>(jobs_.size()) - Computing();
}

RunSlots::Attached::Attached(RunSlots& slots, int64_t job, WorkerProcess& process)
    : slots_(slots), job_(job) {
  MutexLock lock(slots_.mutex_);
  Job& own = slots_.jobs_.at(job_);
  own.process = &process;
  if (!own.computes) process.Pause();
}

RunSlots::Attached::~Attached() {
  MutexLock lock(slots_.mutex_);
  Job& own = slots_.jobs_.at(job_);
  // What comes next may need the process.
  if (!own.computes) own.process->Resume();
  own.process = nullptr;
}

}  // namespace automap

// What clients were told of jobs, held against the model of one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "automap/v1/job.pb.h"
#include "base/mutex.h"
#include "server/jobs/job_state.h"

namespace automap {

// The model: a job is one register with versions, its etags. An answer, whether to a read or to a
// write, tells its version and state. Allowed is what some order of all calls explains in which
// each stands between its beginning and its end:
//
// - no answer has an older version than one that was told before the call began;
// - a version has one state;
// - from each version that was told to the next, states move along the arrows of job_state.h.
//
// Thread-safe.
class JobHistory {
 public:
  // A call on the job begins: the newest version that anybody was told.
  int64_t Begin(const std::string& job) {
    MutexLock lock(mutex_);
    const auto& versions = versions_[job];
    return versions.empty() ? 0 : versions.rbegin()->first;
  }

  // It was answered with `told`.
  void End(int64_t begun, const v1::PlanJob& told) {
    MutexLock lock(mutex_);
    ++answers_;
    int64_t version = 0;
    if (!absl::SimpleAtoi(told.etag(), &version)) Object(told, "has no version");
    if (version < begun) Object(told, absl::StrCat("is older than ", begun, ", known before"));
    const auto known = versions_[told.name()].emplace(version, told.state());
    if (known.first->second != told.state()) Object(told, "has two states at one version");
  }

  // What the model does not allow, for people; nothing when it explains everything.
  std::vector<std::string> Check() {
    MutexLock lock(mutex_);
    for (const auto& [job, versions] : versions_) {
      auto last = v1::PlanJob::STATE_UNSPECIFIED;
      for (const auto& [version, state] : versions) {
        if (last != v1::PlanJob::STATE_UNSPECIFIED && !MayReach(last, state))
          objections_.push_back(absl::StrCat(job, " became ", v1::PlanJob::State_Name(state),
                                             " from ", v1::PlanJob::State_Name(last)));
        last = state;
      }
    }
    return objections_;
  }

  int64_t answers() {
    MutexLock lock(mutex_);
    return answers_;
  }

 private:
  // In at least one move: versions differ.
  static bool MayReach(v1::PlanJob::State from, v1::PlanJob::State to) {
    if (MayMove(from, to)) return true;
    // Arrows lead back from RUNNING to PENDING only, so two moves between are enough.
    for (int a = v1::PlanJob::State_MIN + 1; a <= v1::PlanJob::State_MAX; ++a) {
      for (int b = v1::PlanJob::State_MIN + 1; b <= v1::PlanJob::State_MAX; ++b) {
        const auto one = static_cast<v1::PlanJob::State>(a);
        const auto two = static_cast<v1::PlanJob::State>(b);
        if (MayMove(from, one) && (MayMove(one, to) || (MayMove(one, two) && MayMove(two, to))))
          return true;
      }
    }
    return false;
  }

  void Object(const v1::PlanJob& job, const std::string& text)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    objections_.push_back(absl::StrCat(job.name(), " at ", job.etag(), " ", text));
  }

  Mutex mutex_;
  std::map<std::string, std::map<int64_t, v1::PlanJob::State>> versions_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> objections_ ABSL_GUARDED_BY(mutex_);
  int64_t answers_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace automap

#include "server/jobs/job_state.h"

namespace automap {

bool MayMove(v1::PlanJob::State from, v1::PlanJob::State to) {
  using Job = v1::PlanJob;
  switch (from) {
    case Job::PENDING:
      return to == Job::RUNNING || to == Job::SUCCEEDED || to == Job::CANCELLED ||
             to == Job::FAILED || to == Job::EXPIRED;
    case Job::RUNNING:
      return to == Job::PENDING || to == Job::SUCCEEDED || to == Job::FAILED ||
             to == Job::CANCELLING || to == Job::CANCELLED;
    case Job::CANCELLING:
      return to == Job::CANCELLED || to == Job::SUCCEEDED || to == Job::FAILED;
    default:
      return false;
  }
}

bool IsEnded(v1::PlanJob::State state) {
  return state == v1::PlanJob::SUCCEEDED || state == v1::PlanJob::FAILED ||
         state == v1::PlanJob::CANCELLED || state == v1::PlanJob::EXPIRED;
}

}  // namespace automap

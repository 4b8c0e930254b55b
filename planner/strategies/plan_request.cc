#include "planner/strategies/plan_request.h"

#include <algorithm>
#include <cmath>

#include "planner/plan/semantics_proto.h"

namespace automap {
namespace {

constexpr double kProgressInterval = 0.1;  // seconds

}  // namespace

v1::Plan::Semantics PlanRequest::semantics_proto() const {
  v1::Plan::Semantics message;
  SetSemantics(semantics, message);
  message.set_ignore_memory(options.ignore_memory());
  *message.mutable_roles() = options.roles();
  *message.mutable_profile() = options.profile();
  return message;
}

void FillBound(Seconds lower_bound, const std::string& proof, double step_time,
               v1::Plan::Bound& message) {
  const bool is_equal = std::abs(step_time - lower_bound.value) <= 1e-9 * step_time;
  message.set_lower_bound_s(is_equal ? step_time : lower_bound.value);
  if (lower_bound.value > 0)
    message.set_gap(is_equal ? 0.0 : (step_time - lower_bound.value) / step_time);
  message.set_proof(proof);
}

bool IsBetterCost(const v1::Plan::Cost& a, const v1::Plan::Cost& b, bool ignore_memory) {
  if (!ignore_memory && a.fits() != b.fits()) return a.fits();
  if (ignore_memory || a.fits()) return a.step_time_s() < b.step_time_s() * (1 - kLeastImprovement);
  return a.peak_memory_bytes() < b.peak_memory_bytes();
}

double ProgressReporter::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - request_.start).count();
}

bool ProgressReporter::IsDue(bool improved) const {
  return request_.observer->progress && (improved || elapsed() >= next_);
}

void ProgressReporter::Send(v1::Progress progress) {
  const double now = elapsed();
  next_ = now + kProgressInterval;
  progress.set_phase(v1::Progress::SEARCHING);
  if (engine_ != progress.engine()) engine_ = progress.engine(), engine_start_ = now;
  if (now > engine_start_)
    progress.set_decisions_per_second(progress.decisions() / (now - engine_start_));
  if (progress.best_cost_s() > 0 && progress.lower_bound_s() > 0)
    progress.set_gap(std::max(0.0, 1 - progress.lower_bound_s() / progress.best_cost_s()));
  progress.set_elapsed_s(now);
  request_.observer->progress(progress);
}

}  // namespace automap

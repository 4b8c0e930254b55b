#include "server/api/job_service.h"

#include <openssl/rand.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/canonical_bytes.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/api/plan_key.h"
#include "server/api/validate.h"
#include "server/jobs/job_state.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

constexpr int kCancelAttempts = 4;

std::string NewJobName() {
  unsigned char bytes[16];
  RAND_bytes(bytes, sizeof(bytes));
  return absl::StrCat("planJobs/", absl::BytesToHexString(absl::string_view(
                                       reinterpret_cast<const char*>(bytes), sizeof(bytes))));
}

google::protobuf::Timestamp NowProto() {
  return TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
}

// A tenth of the time, at most a second, is for the way back.
google::protobuf::Timestamp CompleteBefore(absl::Time wanted_by) {
  const absl::Duration left = std::max(absl::ZeroDuration(), wanted_by - absl::Now());
  return TimeUtil::NanosecondsToTimestamp(
      absl::ToUnixNanos(wanted_by - std::min(left / 10, absl::Seconds(1))));
}

std::string Digest(const v1::CreatePlanJobRequest& request) {
  return Sha256Hex(CanonicalBytes(request.spec()) + CanonicalBytes(request.options()));
}

absl::Status NotThere(const std::string& name) {
  return absl::NotFoundError(absl::StrCat("name: \"", name, "\", there is no such job"));
}

}  // namespace

absl::StatusOr<v1::PlanJob> JobService::MakeJob(const v1::CreatePlanJobRequest& request,
                                                const Caller& caller) {
  RETURN_IF_ERROR(CheckRequestId(request.request_id(), limits_));
  RETURN_IF_ERROR(CheckOptions(request.options(), limits_));
  v1::PlanJob job;
  ASSIGN_OR_RETURN(*job.mutable_spec(), CheckSpec(request.spec(), limits_));
  ASSIGN_OR_RETURN(const std::string content, modules_.ContentDigestOf(request.spec()));
  job.set_plan_key(PlanKey(job.spec(), content));
  job.set_name(NewJobName());
  *job.mutable_options() = request.options();
  job.set_state(v1::PlanJob::PENDING);
  job.set_caller(caller.name);
  job.set_traceparent(caller.traceparent);
  *job.mutable_create_time() = NowProto();
  return job;
}

absl::StatusOr<std::optional<v1::Plan>> JobService::FindCached(const v1::PlanJob& job) {
  if (job.options().cache_policy() != v1::CACHE_POLICY_UNSPECIFIED)
    return std::optional<v1::Plan>();
  ASSIGN_OR_RETURN(std::optional<v1::Plan> plan, store_.FindPlan(job.plan_key()));
  metrics_.CacheLookedUp(plan.has_value());
  return plan;
}

absl::StatusOr<v1::PlanJob> JobService::Create(const v1::CreatePlanJobRequest& request,
                                               const Caller& caller, absl::Time wanted_by) {
  ASSIGN_OR_RETURN(v1::PlanJob job, MakeJob(request, caller));
  if (wanted_by != absl::InfiniteFuture() && !job.options().has_complete_by())
    *job.mutable_options()->mutable_complete_by() = CompleteBefore(wanted_by);
  if (draining_)
    return WithReason(
        absl::UnavailableError("server: is draining; try another replica or again later"),
        "DRAINING");
  ASSIGN_OR_RETURN(const std::optional<v1::Plan> cached, FindCached(job));
  if (request.validate_only()) return job;
  RETURN_IF_ERROR(FailpointStatus("api.create.before_store"));
  const std::string name = job.name();
  ASSIGN_OR_RETURN(v1::PlanJob stored,
                   store_.Create({.job = std::move(job),
                                  .request_id = request.request_id(),
                                  .request_digest = Digest(request),
                                  .cached_plan = cached.has_value() ? &*cached : nullptr},
                                 {limits_.max_queued_jobs, limits_.max_queued_jobs_per_caller}));
  if (stored.name() == name) {
    metrics_.JobCreated();
    if (IsEnded(stored.state()))
      metrics_.JobEnded(stored.state(), absl::ZeroDuration(), absl::ZeroDuration());
  }
  pool_.Wake();
  RETURN_IF_ERROR(FailpointStatus("api.create.before_answer"));
  return stored;
}

absl::StatusOr<v1::PlanJob> JobService::Get(const std::string& name, const Caller& caller) {
  RETURN_IF_ERROR(CheckJobName(name));
  ASSIGN_OR_RETURN(v1::PlanJob job, store_.Get(name));
  if (!MaySee(caller, job)) return NotThere(name);
  if (!IsEnded(job.state())) *job.mutable_progress() = feed_.Latest(name).second;
  return job;
}

absl::StatusOr<v1::PlanJob> JobService::GetToChange(const std::string& name, const Caller& caller) {
  RETURN_IF_ERROR(CheckJobName(name));
  ASSIGN_OR_RETURN(v1::PlanJob job, store_.Get(name));
  if (!MaySee(caller, job)) return NotThere(name);
  if (!MayChange(caller, job))
    return absl::PermissionDeniedError(absl::StrCat(name, ": belongs to another caller"));
  return job;
}

absl::StatusOr<v1::ListPlanJobsResponse> JobService::List(const v1::ListPlanJobsRequest& request,
                                                          const Caller& caller) {
  ASSIGN_OR_RETURN(const int page_size, CheckPageSize(request.page_size(), limits_));
  RETURN_IF_ERROR(CheckLabels("labels", request.labels(), limits_));
  JobFilter filter;
  if (caller.role == Role::kSubmitter) filter.caller = caller.name;
  for (const int state : request.states()) {
    if (!v1::PlanJob::State_IsValid(state) || state == v1::PlanJob::STATE_UNSPECIFIED)
      return absl::InvalidArgumentError(absl::StrCat("states: ", state, ", must be a state"));
    filter.states.push_back(static_cast<v1::PlanJob::State>(state));
  }
  filter.labels.insert(request.labels().begin(), request.labels().end());
  ASSIGN_OR_RETURN(const JobPage page, store_.List(filter, page_size, request.page_token()));
  v1::ListPlanJobsResponse response;
  for (const v1::PlanJob& job : page.jobs) *response.add_plan_jobs() = job;
  response.set_next_page_token(page.next_page_token);
  return response;
}

absl::StatusOr<v1::PlanJob> JobService::TryCancel(v1::PlanJob job,
                                                  const v1::CancelPlanJobRequest& request) {
  const bool is_running = job.state() == v1::PlanJob::RUNNING;
  job.set_state(is_running ? v1::PlanJob::CANCELLING : v1::PlanJob::CANCELLED);
  job.set_keep_best_plan(request.keep_best_plan());
  if (!is_running) *job.mutable_end_time() = NowProto();
  RETURN_IF_ERROR(FailpointStatus("api.cancel.before_store"));
  ASSIGN_OR_RETURN(v1::PlanJob written, store_.Update({.job = std::move(job)}));
  if (is_running) pool_.Look(written.name());
  if (!is_running) metrics_.JobEnded(written.state(), absl::ZeroDuration(), absl::ZeroDuration());
  feed_.Notify(written.name());
  RETURN_IF_ERROR(FailpointStatus("api.cancel.before_answer"));
  return written;
}

// A race with the pool is settled by the store: what does not fit the state of the moment, or is no
// more what we read, is tried again.
absl::StatusOr<v1::PlanJob> JobService::Cancel(const v1::CancelPlanJobRequest& request,
                                               const Caller& caller) {
  absl::Status status;
  for (int attempt = 0; attempt < kCancelAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const v1::PlanJob job, GetToChange(request.name(), caller));
    if (!request.etag().empty() && request.etag() != job.etag())
      return WithReason(
          absl::AbortedError(absl::StrCat("etag: \"", request.etag(), "\", ", request.name(),
                                          " has \"", job.etag(), "\"")),
          "ETAG_MISMATCH");
    if (IsEnded(job.state()) || job.state() == v1::PlanJob::CANCELLING) return job;
    auto cancelled = TryCancel(job, request);
    if (cancelled.ok()) return cancelled;
    status = cancelled.status();
    if (status.code() != absl::StatusCode::kFailedPrecondition &&
        status.code() != absl::StatusCode::kAborted)
      break;
  }
  return status;
}

absl::Status JobService::Delete(const v1::DeletePlanJobRequest& request, const Caller& caller) {
  RETURN_IF_ERROR(GetToChange(request.name(), caller).status());
  RETURN_IF_ERROR(FailpointStatus("api.delete.before_store"));
  RETURN_IF_ERROR(store_.Delete(request.name(), request.etag()));
  feed_.Notify(request.name());
  return FailpointStatus("api.delete.before_answer");
}

absl::StatusOr<v1::Plan> JobService::GetPlan(const std::string& name, const Caller& caller) {
  ASSIGN_OR_RETURN(const v1::PlanJob job, Get(name, caller));
  // Jobs of the first version do not say that they have one.
  if (!job.has_plan() && job.state() != v1::PlanJob::SUCCEEDED) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          name, ": is ", v1::PlanJob::State_Name(job.state()), " and has no plan")),
                      "NO_PLAN");
  }
  int64_t after = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<v1::PlanEvent> events, store_.EventsAfter(name, after, 16));
    for (const v1::PlanEvent& event : events) {
      after = event.sequence();
      if (event.has_final_plan()) return event.final_plan();
    }
    if (events.empty()) return absl::DataLossError(absl::StrCat(name, ": its plan is missing"));
  }
}

absl::StatusOr<v1::Plan> JobService::LookupPlan(const v1::LookupPlanRequest& request) {
  ASSIGN_OR_RETURN(const v1::PlanSpec spec, CheckSpec(request.spec(), limits_));
  const absl::Status missing =
      WithReason(absl::NotFoundError("spec: no plan of it is cached"), "PLAN_NOT_CACHED");
  const auto content = modules_.ContentDigestOf(spec);
  if (content.status().code() == absl::StatusCode::kFailedPrecondition) return missing;
  RETURN_IF_ERROR(content.status());
  ASSIGN_OR_RETURN(std::optional<v1::Plan> plan, store_.FindPlan(PlanKey(spec, *content)));
  metrics_.CacheLookedUp(plan.has_value());
  if (!plan.has_value()) return missing;
  return *std::move(plan);
}

void JobService::Sweep() {
  const absl::Time now = absl::Now();
  const auto changed = store_.Sweep({.now = now,
                                     .ended_before = now - limits_.job_retention,
                                     .max_plans = limits_.max_cached_plans});
  if (!changed.ok()) return;
  for (const v1::PlanJob& job : *changed) {
    if (IsEnded(job.state()))
      metrics_.JobEnded(job.state(), absl::ZeroDuration(), absl::ZeroDuration());
    feed_.Notify(job.name());
  }
  if (!changed->empty()) pool_.Wake();
}

void JobService::BeginDrain() {
  draining_ = true;
  feed_.Tick();
}

bool JobService::OpenStream() {
  if (++streams_ <= limits_.max_watch_streams) return true;
  --streams_;
  return false;
}

}  // namespace automap

#include "server/api/job_service.h"

#include <openssl/rand.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/canonical_bytes.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "google/protobuf/util/time_util.h"
#include "server/api/validate.h"
#include "server/jobs/job_state.h"

namespace automap {
namespace {

using google::protobuf::util::TimeUtil;

std::string NewJobName() {
  unsigned char bytes[16];
  RAND_bytes(bytes, sizeof(bytes));
  return absl::StrCat("planJobs/", absl::BytesToHexString(absl::string_view(
                                       reinterpret_cast<const char*>(bytes), sizeof(bytes))));
}

std::string Digest(const v1::PlanSpec& spec, const v1::JobOptions& options) {
  return Sha256Hex(CanonicalBytes(spec) + CanonicalBytes(options));
}

}  // namespace

absl::Status JobService::CheckQueue() {
  if (draining_)
    return absl::UnavailableError("server: is draining; try another replica or again later");
  ASSIGN_OR_RETURN(const JobPage pending, store_.List(static_cast<int>(limits_.max_queued_jobs), "",
                                                      {v1::PlanJob::PENDING}));
  if (static_cast<int64_t>(pending.jobs.size()) < limits_.max_queued_jobs) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("queue: ", pending.jobs.size(), " jobs are waiting, no more are taken"));
}

absl::StatusOr<v1::PlanJob> JobService::Create(const v1::PlanSpec& spec,
                                               const v1::JobOptions& options,
                                               const std::string& request_id,
                                               const std::string& caller) {
  RETURN_IF_ERROR(CheckRequestId(request_id, limits_));
  RETURN_IF_ERROR(CheckOptions(options, limits_));
  v1::PlanJob job;
  ASSIGN_OR_RETURN(*job.mutable_spec(), CheckSpec(spec, limits_));
  if (spec.has_module_name()) {
    const auto module = GetModule(spec.module_name());
    if (!module.ok())
      return absl::FailedPreconditionError(
          absl::StrCat("spec.module_name: ", spec.module_name(),
                       " is not here; upload it with Modules.UploadModule"));
  }
  RETURN_IF_ERROR(CheckQueue());
  job.set_name(NewJobName());
  *job.mutable_options() = options;
  job.set_state(v1::PlanJob::PENDING);
  job.set_caller(caller);
  *job.mutable_create_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
  const std::string name = job.name();
  ASSIGN_OR_RETURN(v1::PlanJob stored, store_.Create(job, request_id, Digest(spec, options)));
  if (stored.name() == name) metrics_.JobCreated();
  pool_.Wake();
  return stored;
}

absl::StatusOr<v1::PlanJob> JobService::Get(const std::string& name) {
  RETURN_IF_ERROR(CheckJobName(name));
  ASSIGN_OR_RETURN(v1::PlanJob job, store_.Get(name));
  if (!IsEnded(job.state())) *job.mutable_progress() = feed_.Latest(name).second;
  return job;
}

absl::StatusOr<v1::ListPlanJobsResponse> JobService::List(const v1::ListPlanJobsRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, CheckPageSize(request.page_size(), limits_));
  std::vector<v1::PlanJob::State> states;
  for (const int state : request.states()) states.push_back(static_cast<v1::PlanJob::State>(state));
  ASSIGN_OR_RETURN(const JobPage page, store_.List(page_size, request.page_token(), states));
  v1::ListPlanJobsResponse response;
  for (const v1::PlanJob& job : page.jobs) *response.add_plan_jobs() = job;
  response.set_next_page_token(page.next_page_token);
  return response;
}

// A race with the pool is settled by the store: a move that does not fit the state of the moment is
// tried once more.
absl::StatusOr<v1::PlanJob> JobService::Cancel(const std::string& name) {
  RETURN_IF_ERROR(CheckJobName(name));
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(v1::PlanJob job, store_.Get(name));
    if (IsEnded(job.state()) || job.state() == v1::PlanJob::CANCELLING) return job;
    const bool is_running = job.state() == v1::PlanJob::RUNNING;
    job.set_state(is_running ? v1::PlanJob::CANCELLING : v1::PlanJob::CANCELLED);
    if (!is_running)
      *job.mutable_end_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(absl::Now()));
    const absl::Status status = store_.Update(job, nullptr);
    if (!status.ok() && attempt < 3) continue;
    RETURN_IF_ERROR(status);
    if (is_running) pool_.Cancel(name);
    if (!is_running) metrics_.JobEnded(job.state(), absl::ZeroDuration(), absl::ZeroDuration());
    feed_.Notify(name);
    return job;
  }
}

absl::Status JobService::Delete(const std::string& name) {
  RETURN_IF_ERROR(CheckJobName(name));
  return store_.Delete(name);
}

absl::StatusOr<v1::Plan> JobService::GetPlan(const std::string& name) {
  ASSIGN_OR_RETURN(const v1::PlanJob job, Get(name));
  if (job.state() != v1::PlanJob::SUCCEEDED) {
    return absl::FailedPreconditionError(absl::StrCat(name, ": is ",
                                                      v1::PlanJob::State_Name(job.state()),
                                                      ", only a job that SUCCEEDED has a plan"));
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

v1::Capabilities JobService::GetCapabilities() const {
  v1::Capabilities capabilities;
  capabilities.set_server_version(kPlannerVersion);
  capabilities.set_max_inline_bytes(limits_.max_inline_bytes);
  capabilities.set_max_module_bytes(limits_.max_module_bytes);
  capabilities.set_max_chunk_bytes(limits_.max_chunk_bytes);
  capabilities.set_max_instructions(limits_.max_instructions);
  capabilities.set_max_computations(limits_.max_computations);
  capabilities.set_max_shape_rank(limits_.max_shape_rank);
  capabilities.set_max_queued_jobs(limits_.max_queued_jobs);
  capabilities.set_max_workers(pool_.options().workers);
  capabilities.set_max_worker_memory_bytes(pool_.options().limits.memory_bytes);
  capabilities.mutable_max_run_timeout()->set_seconds(
      absl::ToInt64Seconds(pool_.options().max_run_timeout));
  for (const char* format : {"HloModuleProto", "HloProto", "HloSnapshot", "HLO text", "proto JSON",
                             "protobuf text", "gzip of any"})
    capabilities.add_formats(format);
  for (const char* strategy : {"auto", "adp", "opp"}) capabilities.add_strategies(strategy);
  for (const char* preset : {"default", "paper"}) capabilities.add_presets(preset);
  return capabilities;
}

absl::StatusOr<std::unique_ptr<BlobStore::Upload>> JobService::BeginUpload(
    const v1::UploadHeader& header) {
  RETURN_IF_ERROR(CheckHeader(header, limits_));
  if (draining_)
    return absl::UnavailableError("server: is draining; try another replica or again later");
  return blobs_.Begin(header.sha256(), header.size_bytes());
}

absl::StatusOr<v1::Module> JobService::GetModule(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(name));
  return blobs_.Get(digest);
}

absl::StatusOr<v1::ListModulesResponse> JobService::ListModules(
    const v1::ListModulesRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, CheckPageSize(request.page_size(), limits_));
  v1::ListModulesResponse response;
  for (v1::Module& module : blobs_.List(request.page_token(), page_size + 1)) {
    if (response.modules_size() == page_size) {
      response.set_next_page_token(response.modules(page_size - 1).sha256());
      break;
    }
    *response.add_modules() = std::move(module);
  }
  return response;
}

absl::Status JobService::DeleteModule(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(name));
  std::string token;
  do {
    ASSIGN_OR_RETURN(const JobPage page, store_.List(limits_.max_page_size, token,
                                                     {v1::PlanJob::PENDING, v1::PlanJob::RUNNING,
                                                      v1::PlanJob::CANCELLING}));
    for (const v1::PlanJob& job : page.jobs) {
      if (job.spec().module_name() == name)
        return absl::FailedPreconditionError(absl::StrCat(name, ": is needed by ", job.name()));
    }
    token = page.next_page_token;
  } while (!token.empty());
  return blobs_.Delete(digest);
}

absl::StatusOr<std::string> JobService::ReadModuleOf(const v1::PlanSpec& spec) {
  if (spec.has_inline_hlo()) return spec.inline_hlo();
  if (spec.has_inline_hlo_text()) return spec.inline_hlo_text();
  ASSIGN_OR_RETURN(const std::string digest, ModuleDigest(spec.module_name()));
  return blobs_.Read(digest);
}

}  // namespace automap

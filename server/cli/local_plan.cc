#include "server/cli/local_plan.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/process/worker_process.h"
#include "server/worker/status_proto.h"

namespace automap {
namespace {

absl::StatusOr<worker::v1::Done> RunTask(const worker::v1::Task& task, absl::string_view module,
                                         const std::function<void(const v1::Progress&)>& progress) {
  ASSIGN_OR_RETURN(const auto process, WorkerProcess::Start(WorkerProgram(), WorkerLimits{}));
  RETURN_IF_ERROR(process->Send(task, module, absl::InfiniteFuture()));
  while (true) {
    auto event = process->Receive(absl::InfiniteFuture());
    if (!event.ok())
      return absl::InternalError(absl::StrCat("the worker died: ", event.status().message()));
    if (event->has_done()) return std::move(*event->mutable_done());
    if (event->has_progress() && progress) progress(event->progress());
  }
}

}  // namespace

std::string WorkerProgram() {
  std::error_code error;
  return (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "automap-worker")
      .string();
}

absl::StatusOr<v1::Plan> PlanLocally(const LocalPlanRequest& request,
                                     const std::function<void(const v1::Progress&)>& progress) {
  worker::v1::Task search;
  *search.mutable_plan()->mutable_cluster() = request.cluster;
  *search.mutable_plan()->mutable_options() = request.options;
  search.mutable_plan()->set_time_limit_s(request.time_limit_s);
  ASSIGN_OR_RETURN(const worker::v1::Done found, RunTask(search, request.module, progress));
  RETURN_IF_ERROR(FromProto(found.status()));
  v1::Progress verifying;
  verifying.set_phase(v1::Progress::VERIFYING);
  if (progress) progress(verifying);
  worker::v1::Task check;
  *check.mutable_verify()->mutable_cluster() = request.cluster;
  *check.mutable_verify()->mutable_plan() = found.plan();
  ASSIGN_OR_RETURN(const worker::v1::Done verdict, RunTask(check, request.module, nullptr));
  const absl::Status status = FromProto(verdict.status());
  if (!status.ok())
    return absl::InternalError(
        absl::StrCat("the plan did not pass verification: ", status.message()));
  return found.plan();
}

}  // namespace automap

#include "absl/time/clock.h"
#include "server/api/event_stream.h"
#include "server/api/services.h"
#include "server/api/unary.h"

namespace automap {
namespace {

using Context = grpc::CallbackServerContext;

constexpr absl::Duration kLongest = absl::Hours(24 * 365);

// Until when the client waits. gRPC says "for ever" as a time far away.
absl::Time DeadlineOf(const Context& context) {
  const absl::Time deadline = absl::FromChrono(context.deadline());
  return deadline - absl::Now() > kLongest ? absl::InfiniteFuture() : deadline;
}

class PlannerService final : public v1::Planner::CallbackService {
 public:
  explicit PlannerService(const Api& api) : api_(api) {}

  grpc::ServerWriteReactor<v1::PlanEvent>* Plan(Context* context,
                                                const v1::PlanRequest* request) override {
    v1::CreatePlanJobRequest create;
    *create.mutable_spec() = request->spec();
    *create.mutable_options() = request->options();
    create.set_request_id(request->request_id());
    return EventStream::Start(
        api_, *context, "Planner/Plan",
        [this, create = std::move(create), wanted_by = DeadlineOf(*context)](const Caller& caller) {
          return api_.jobs.Create(create, caller, wanted_by);
        },
        "", request->filter());
  }

  grpc::ServerWriteReactor<v1::PlanEvent>* WatchPlanJob(
      Context* context, const v1::WatchPlanJobRequest* request) override {
    return EventStream::Start(
        api_, *context, "Planner/WatchPlanJob",
        [this, name = request->name()](const Caller& caller) {
          return api_.jobs.Get(name, caller);
        },
        request->resume_token(), request->filter());
  }

  grpc::ServerUnaryReactor* CreatePlanJob(Context* context, const v1::CreatePlanJobRequest* request,
                                          v1::PlanJob* response) override {
    return AnswerUnary(
        context, api_, "Planner/CreatePlanJob", response,
        [this, request](const Caller& caller) { return api_.jobs.Create(*request, caller); });
  }

  grpc::ServerUnaryReactor* GetPlanJob(Context* context, const v1::GetPlanJobRequest* request,
                                       v1::PlanJob* response) override {
    return AnswerUnary(
        context, api_, "Planner/GetPlanJob", response,
        [this, request](const Caller& caller) { return api_.jobs.Get(request->name(), caller); });
  }

  grpc::ServerUnaryReactor* ListPlanJobs(Context* context, const v1::ListPlanJobsRequest* request,
                                         v1::ListPlanJobsResponse* response) override {
    return AnswerUnary(
        context, api_, "Planner/ListPlanJobs", response,
        [this, request](const Caller& caller) { return api_.jobs.List(*request, caller); });
  }

  grpc::ServerUnaryReactor* CancelPlanJob(Context* context, const v1::CancelPlanJobRequest* request,
                                          v1::PlanJob* response) override {
    return AnswerUnary(
        context, api_, "Planner/CancelPlanJob", response,
        [this, request](const Caller& caller) { return api_.jobs.Cancel(*request, caller); });
  }

  grpc::ServerUnaryReactor* DeletePlanJob(Context* context, const v1::DeletePlanJobRequest* request,
                                          google::protobuf::Empty* response) override {
    return AnswerUnary(
        context, api_, "Planner/DeletePlanJob", response,
        [this, request](const Caller& caller) -> absl::StatusOr<google::protobuf::Empty> {
          RETURN_IF_ERROR(api_.jobs.Delete(*request, caller));
          return google::protobuf::Empty();
        });
  }

  grpc::ServerUnaryReactor* GetPlan(Context* context, const v1::GetPlanRequest* request,
                                    v1::Plan* response) override {
    return AnswerUnary(context, api_, "Planner/GetPlan", response,
                       [this, request](const Caller& caller) {
                         return api_.jobs.GetPlan(request->name(), caller);
                       });
  }

  grpc::ServerUnaryReactor* LookupPlan(Context* context, const v1::LookupPlanRequest* request,
                                       v1::Plan* response) override {
    return AnswerUnary(context, api_, "Planner/LookupPlan", response,
                       [this, request](const Caller&) { return api_.jobs.LookupPlan(*request); });
  }

  grpc::ServerUnaryReactor* GetCapabilities(Context* context, const v1::GetCapabilitiesRequest*,
                                            v1::Capabilities* response) override {
    return AnswerUnary(context, api_, "Planner/GetCapabilities", response,
                       [this](const Caller&) -> absl::StatusOr<v1::Capabilities> {
                         return api_.jobs.GetCapabilities();
                       });
  }

 private:
  const Api& api_;
};

}  // namespace

std::unique_ptr<v1::Planner::CallbackService> MakePlannerService(const Api& api) {
  return std::make_unique<PlannerService>(api);
}

}  // namespace automap

#include "server/api/event_stream.h"
#include "server/api/services.h"
#include "server/api/unary.h"

namespace automap {
namespace {

using Context = grpc::CallbackServerContext;

class PlannerService final : public v1::Planner::CallbackService {
 public:
  PlannerService(JobService& service, Executor& executor)
      : service_(service), executor_(executor) {}

  grpc::ServerWriteReactor<v1::PlanEvent>* Plan(Context* context,
                                                const v1::PlanRequest* request) override {
    return EventStream::Start(
        service_, executor_,
        [this, request = *request, caller = context->peer()] {
          return service_.Create(request.spec(), request.options(), request.request_id(), caller);
        },
        "", request->filter());
  }

  grpc::ServerWriteReactor<v1::PlanEvent>* WatchPlanJob(
      Context*, const v1::WatchPlanJobRequest* request) override {
    return EventStream::Start(
        service_, executor_, [this, name = request->name()] { return service_.Get(name); },
        request->resume_token(), request->filter());
  }

  grpc::ServerUnaryReactor* CreatePlanJob(Context* context, const v1::CreatePlanJobRequest* request,
                                          v1::PlanJob* response) override {
    return Answer(context, response, [this, request, caller = context->peer()] {
      return service_.Create(request->spec(), request->options(), request->request_id(), caller);
    });
  }

  grpc::ServerUnaryReactor* GetPlanJob(Context* context, const v1::GetPlanJobRequest* request,
                                       v1::PlanJob* response) override {
    return Answer(context, response, [this, request] { return service_.Get(request->name()); });
  }

  grpc::ServerUnaryReactor* ListPlanJobs(Context* context, const v1::ListPlanJobsRequest* request,
                                         v1::ListPlanJobsResponse* response) override {
    return Answer(context, response, [this, request] { return service_.List(*request); });
  }

  grpc::ServerUnaryReactor* CancelPlanJob(Context* context, const v1::CancelPlanJobRequest* request,
                                          v1::PlanJob* response) override {
    return Answer(context, response, [this, request] { return service_.Cancel(request->name()); });
  }

  grpc::ServerUnaryReactor* DeletePlanJob(Context* context, const v1::DeletePlanJobRequest* request,
                                          google::protobuf::Empty* response) override {
    return Answer(context, response, [this, request]() -> absl::StatusOr<google::protobuf::Empty> {
      const absl::Status status = service_.Delete(request->name());
      if (!status.ok()) return status;
      return google::protobuf::Empty();
    });
  }

  grpc::ServerUnaryReactor* GetPlan(Context* context, const v1::GetPlanRequest* request,
                                    v1::Plan* response) override {
    return Answer(context, response, [this, request] { return service_.GetPlan(request->name()); });
  }

  grpc::ServerUnaryReactor* GetCapabilities(Context* context, const v1::GetCapabilitiesRequest*,
                                            v1::Capabilities* response) override {
    return Answer(context, response, [this]() -> absl::StatusOr<v1::Capabilities> {
      return service_.GetCapabilities();
    });
  }

 private:
  template <typename Response, typename Body>
  grpc::ServerUnaryReactor* Answer(Context* context, Response* response, Body body) {
    return AnswerUnary(context, executor_, service_.metrics(), response, std::move(body));
  }

  JobService& service_;
  Executor& executor_;
};

}  // namespace

std::unique_ptr<v1::Planner::CallbackService> MakePlannerService(JobService& service,
                                                                 Executor& executor) {
  return std::make_unique<PlannerService>(service, executor);
}

}  // namespace automap

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "server/api/services.h"
#include "server/api/unary.h"

namespace automap {
namespace {

using Context = grpc::CallbackServerContext;

// One upload: a message is read, handled on the executor, and only then the next one is asked for.
class UploadReactor final : public grpc::ServerReadReactor<v1::UploadModuleRequest> {
 public:
  UploadReactor(JobService& service, Executor& executor, v1::Module* response)
      : service_(service), executor_(executor), response_(response) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    executor_.Run([this, ok] {
      absl::Status status;
      bool goes_on = false;
      {
        MutexLock lock(mutex_);
        status = ok ? Take() : Close();
        goes_on = status.ok() && ok && !complete_;
      }
      if (goes_on) return StartRead(&request_);
      if (!status.ok()) service_.metrics().Rejected(ReasonOf(status));
      Finish(ToGrpc(status));
    });
  }

  void OnDone() override {
    executor_.Run([this] { delete this; });
  }

 private:
  absl::Status Take() {
    if (request_.has_header()) {
      if (upload_ != nullptr)
        return absl::InvalidArgumentError("header: a second one, must come once");
      // The same bytes again: answered at once.
      if (auto known = service_.GetModule(absl::StrCat("modules/", request_.header().sha256()));
          known.ok()) {
        *response_ = *std::move(known);
        complete_ = true;
        return absl::OkStatus();
      }
      ASSIGN_OR_RETURN(upload_, service_.BeginUpload(request_.header()));
      return absl::OkStatus();
    }
    if (upload_ == nullptr)
      return absl::InvalidArgumentError("header: missing, must come before the first chunk");
    const v1::UploadChunk& chunk = request_.chunk();
    if (static_cast<int64_t>(chunk.data().size()) > service_.limits().max_chunk_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("chunk.data: ", chunk.data().size(),
                                                       " bytes, must be at most ",
                                                       service_.limits().max_chunk_bytes));
    }
    if (chunk.has_offset() && chunk.offset() != upload_->received()) {
      return absl::InvalidArgumentError(
          absl::StrCat("chunk.offset: ", chunk.offset(), ", must be ", upload_->received()));
    }
    RETURN_IF_ERROR(upload_->Append(chunk.data()));
    service_.metrics().UploadedBytes(static_cast<int64_t>(chunk.data().size()));
    return absl::OkStatus();
  }

  absl::Status Close() {
    if (upload_ == nullptr) return absl::InvalidArgumentError("header: missing, must come first");
    ASSIGN_OR_RETURN(*response_, upload_->Finish());
    return absl::OkStatus();
  }

  JobService& service_;
  Executor& executor_;
  // gRPC calls in turn; the lock says so to tools that cannot see into it.
  Mutex mutex_;
  v1::Module* response_;
  v1::UploadModuleRequest request_;
  std::unique_ptr<BlobStore::Upload> upload_;
  bool complete_ = false;
};

class ModulesService final : public v1::Modules::CallbackService {
 public:
  ModulesService(JobService& service, Executor& executor)
      : service_(service), executor_(executor) {}

  grpc::ServerReadReactor<v1::UploadModuleRequest>* UploadModule(Context*,
                                                                 v1::Module* response) override {
    return new UploadReactor(service_, executor_, response);
  }

  grpc::ServerUnaryReactor* GetModule(Context* context, const v1::GetModuleRequest* request,
                                      v1::Module* response) override {
    return AnswerUnary(context, executor_, service_.metrics(), response,
                       [this, request] { return service_.GetModule(request->name()); });
  }

  grpc::ServerUnaryReactor* ListModules(Context* context, const v1::ListModulesRequest* request,
                                        v1::ListModulesResponse* response) override {
    return AnswerUnary(context, executor_, service_.metrics(), response,
                       [this, request] { return service_.ListModules(*request); });
  }

  grpc::ServerUnaryReactor* DeleteModule(Context* context, const v1::DeleteModuleRequest* request,
                                         google::protobuf::Empty* response) override {
    return AnswerUnary(context, executor_, service_.metrics(), response,
                       [this, request]() -> absl::StatusOr<google::protobuf::Empty> {
                         const absl::Status status = service_.DeleteModule(request->name());
                         if (!status.ok()) return status;
                         return google::protobuf::Empty();
                       });
  }

 private:
  JobService& service_;
  Executor& executor_;
};

}  // namespace

std::unique_ptr<v1::Modules::CallbackService> MakeModulesService(JobService& service,
                                                                 Executor& executor) {
  return std::make_unique<ModulesService>(service, executor);
}

}  // namespace automap

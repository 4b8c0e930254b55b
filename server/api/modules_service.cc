#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "server/api/services.h"
#include "server/api/unary.h"
#include "server/api/validate.h"

namespace automap {
namespace {

using Context = grpc::CallbackServerContext;

// One upload: a message is read, handled on the executor, and only then the next one is asked for.
class UploadReactor final : public grpc::ServerReadReactor<v1::UploadModuleRequest> {
 public:
  UploadReactor(const Api& api, const Context& context, v1::Module* response)
      : api_(api),
        caller_(api.access.Admit(context, "Modules/UploadModule")),
        response_(response),
        begin_(SteadyNow()) {
    if (caller_.ok()) {
      StartRead(&request_);
    } else {
      End(caller_.status());
    }
  }

  void OnReadDone(bool ok) override {
    api_.executor.Run([this, ok] {
      absl::Status status;
      bool goes_on = false;
      {
        MutexLock lock(mutex_);
        status = ok ? Take() : Close();
        goes_on = status.ok() && ok && !complete_;
      }
      if (goes_on) return StartRead(&request_);
      End(status);
    });
  }

  void OnDone() override {
    api_.executor.Run([this] { delete this; });
  }

 private:
  void End(const absl::Status& status) {
    upload_.reset();  // so that the next stream finds the module free
    api_.Answered("Modules/UploadModule", status, SteadyNow() - begin_);
    Finish(ToGrpc(status));
  }

  absl::Status Take() {
    if (request_.has_header()) {
      if (upload_ != nullptr)
        return absl::InvalidArgumentError("header: a second one, must come once");
      // The same bytes again: answered at once.
      if (auto known = api_.modules.Get(absl::StrCat("modules/", request_.header().sha256()));
          known.ok()) {
        *response_ = *std::move(known);
        complete_ = true;
        return absl::OkStatus();
      }
      if (api_.jobs.is_draining())
        return WithReason(
            absl::UnavailableError("server: is draining; try another replica or again later"),
            "DRAINING");
      ASSIGN_OR_RETURN(upload_, api_.modules.BeginUpload(request_.header(), *caller_));
      return absl::OkStatus();
    }
    if (upload_ == nullptr)
      return absl::InvalidArgumentError("header: missing, must come before the first chunk");
    const v1::UploadChunk& chunk = request_.chunk();
    RETURN_IF_ERROR(CheckChunk(chunk, api_.limits));
    RETURN_IF_ERROR(
        upload_->Append(chunk.has_offset() ? chunk.offset() : upload_->received(), chunk.data()));
    api_.metrics.UploadedBytes(static_cast<int64_t>(chunk.data().size()));
    return absl::OkStatus();
  }

  absl::Status Close() {
    if (upload_ == nullptr) return absl::InvalidArgumentError("header: missing, must come first");
    ASSIGN_OR_RETURN(*response_, upload_->Finish());
    return absl::OkStatus();
  }

  const Api& api_;
  const absl::StatusOr<Caller> caller_;
  v1::Module* response_;
  const absl::Time begin_;
  v1::UploadModuleRequest request_;
  std::unique_ptr<BlobStore::Upload> upload_;
  bool complete_ = false;
  // gRPC calls in turn; the lock says so to tools that cannot see into it.
  Mutex mutex_;
};

class ModulesService final : public v1::Modules::CallbackService {
 public:
  explicit ModulesService(const Api& api) : api_(api) {}

  grpc::ServerReadReactor<v1::UploadModuleRequest>* UploadModule(Context* context,
                                                                 v1::Module* response) override {
    return new UploadReactor(api_, *context, response);
  }

  grpc::ServerUnaryReactor* QueryUpload(Context* context, const v1::QueryUploadRequest* request,
                                        v1::QueryUploadResponse* response) override {
    return AnswerUnary(context, api_, "Modules/QueryUpload", response,
                       [this, request](const Caller& caller) {
                         return api_.modules.QueryUpload(*request, caller);
                       });
  }

  grpc::ServerUnaryReactor* CreateModule(Context* context, const v1::CreateModuleRequest* request,
                                         v1::Module* response) override {
    return AnswerUnary(
        context, api_, "Modules/CreateModule", response,
        [this, request](const Caller& caller) { return api_.modules.Create(*request, caller); });
  }

  grpc::ServerUnaryReactor* FindMissingModules(Context* context,
                                               const v1::FindMissingModulesRequest* request,
                                               v1::FindMissingModulesResponse* response) override {
    return AnswerUnary(
        context, api_, "Modules/FindMissingModules", response,
        [this, request](const Caller&) { return api_.modules.FindMissing(*request); });
  }

  grpc::ServerUnaryReactor* GetModule(Context* context, const v1::GetModuleRequest* request,
                                      v1::Module* response) override {
    return AnswerUnary(
        context, api_, "Modules/GetModule", response,
        [this, request](const Caller&) { return api_.modules.Get(request->name()); });
  }

  grpc::ServerUnaryReactor* ListModules(Context* context, const v1::ListModulesRequest* request,
                                        v1::ListModulesResponse* response) override {
    return AnswerUnary(context, api_, "Modules/ListModules", response,
                       [this, request](const Caller&) { return api_.modules.List(*request); });
  }

  grpc::ServerUnaryReactor* DeleteModule(Context* context, const v1::DeleteModuleRequest* request,
                                         google::protobuf::Empty* response) override {
    return AnswerUnary(context, api_, "Modules/DeleteModule", response,
                       [this, request](const Caller&) -> absl::StatusOr<google::protobuf::Empty> {
                         RETURN_IF_ERROR(api_.modules.Delete(request->name()));
                         return google::protobuf::Empty();
                       });
  }

 private:
  const Api& api_;
};

}  // namespace

std::unique_ptr<v1::Modules::CallbackService> MakeModulesService(const Api& api) {
  return std::make_unique<ModulesService>(api);
}

}  // namespace automap

#include "server/cli/remote.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/grpcpp.h"
#include "server/worker/status_proto.h"

namespace automap {
namespace {

constexpr int64_t kInlineBytes = 1 << 20;
constexpr size_t kChunkBytes = 1 << 20;
constexpr int kMaxReplyBytes = 64 << 20;

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// Reads a stream to its plan, or to the error of the job.
absl::StatusOr<v1::Plan> Follow(grpc::ClientReader<v1::PlanEvent>& reader,
                                const std::function<void(const v1::Progress&)>& progress) {
  v1::PlanEvent event;
  absl::StatusOr<v1::Plan> result = absl::InternalError("the stream ended without a plan");
  while (reader.Read(&event)) {
    if (event.has_progress() && progress) progress(event.progress());
    if (event.has_final_plan()) result = std::move(*event.mutable_final_plan());
    if (event.has_state_change() && event.state_change().state() == v1::PlanJob::FAILED)
      result = FromProto(event.state_change().error());
    if (event.has_state_change() && event.state_change().state() == v1::PlanJob::CANCELLED)
      result = absl::CancelledError("the job was cancelled");
  }
  const absl::Status status = FromGrpc(reader.Finish());
  if (!status.ok()) return status;
  return result;
}

}  // namespace

Remote::Remote(const ServerAddress& address) : server_(address.server) {
  const auto read = [this](const char* flag, const std::string& path) {
    if (path.empty()) return std::string();
    std::ifstream file(path, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    if (!file)
      files_.Update(absl::InvalidArgumentError(absl::StrCat(flag, ": ", path, " cannot be read")));
    return bytes.str();
  };
  token_ = read("--token-file", address.token_file);
  token_ = token_.substr(0, token_.find_first_of("\r\n"));
  const grpc::SslCredentialsOptions options = {
      .pem_root_certs = read("--tls-ca", address.tls_ca),
      .pem_private_key = read("--tls-key", address.tls_key),
      .pem_cert_chain = read("--tls-certificate", address.tls_certificate)};
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReplyBytes);
  channel_ = grpc::CreateCustomChannel(
      server_,
      address.uses_tls() ? grpc::SslCredentials(options) : grpc::InsecureChannelCredentials(),
      arguments);
  planner_ = v1::Planner::NewStub(channel_);
  modules_ = v1::Modules::NewStub(channel_);
}

std::unique_ptr<grpc::ClientContext> Remote::NewContext() const {
  auto context = std::make_unique<grpc::ClientContext>();
  if (!token_.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  return context;
}

absl::Status Remote::Connect() {
  RETURN_IF_ERROR(files_);
  if (channel_->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(5)))
    return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      server_, ": nobody answers; start a server with `automapd`, or plan with --local"));
}

absl::StatusOr<std::string> Remote::Upload(const std::string& module) {
  const auto context = NewContext();
  v1::Module response;
  auto writer = modules_->UploadModule(context.get(), &response);
  v1::UploadModuleRequest request;
  request.mutable_header()->set_sha256(Sha256Hex(module));
  request.mutable_header()->set_size_bytes(static_cast<int64_t>(module.size()));
  bool open = writer->Write(request);
  for (size_t offset = 0; open && offset < module.size(); offset += kChunkBytes) {
    request.mutable_chunk()->set_offset(static_cast<int64_t>(offset));
    request.mutable_chunk()->set_data(module.substr(offset, kChunkBytes));
    open = writer->Write(request);
  }
  writer->WritesDone();
  RETURN_IF_ERROR(FromGrpc(writer->Finish()));
  return response.name();
}

absl::StatusOr<v1::Plan> Remote::Plan(std::string module, const v1::Cluster& cluster,
                                      const v1::PlanOptions& options, double time_limit_s,
                                      const std::function<void(const v1::Progress&)>& progress) {
  RETURN_IF_ERROR(Connect());
  v1::PlanRequest request;
  if (static_cast<int64_t>(module.size()) <= kInlineBytes) {
    request.mutable_spec()->set_inline_hlo(std::move(module));
  } else {
    ASSIGN_OR_RETURN(const std::string name, Upload(module));
    request.mutable_spec()->set_module_name(name);
  }
  *request.mutable_spec()->mutable_inline_cluster() = cluster;
  *request.mutable_spec()->mutable_options() = options;
  if (time_limit_s > 0) {
    *request.mutable_options()->mutable_run_timeout() =
        google::protobuf::util::TimeUtil::NanosecondsToDuration(
            static_cast<int64_t>(time_limit_s * 1e9));
  }
  request.mutable_filter()->set_omit_improved_plans(true);
  const auto context = NewContext();
  auto reader = planner_->Plan(context.get(), request);
  return Follow(*reader, progress);
}

absl::StatusOr<v1::Plan> Remote::Watch(const std::string& job,
                                       const std::function<void(const v1::Progress&)>& progress) {
  RETURN_IF_ERROR(Connect());
  v1::WatchPlanJobRequest request;
  request.set_name(job);
  request.mutable_filter()->set_omit_improved_plans(true);
  const auto context = NewContext();
  auto reader = planner_->WatchPlanJob(context.get(), request);
  return Follow(*reader, progress);
}

absl::StatusOr<v1::PlanJob> Remote::Get(const std::string& job) {
  RETURN_IF_ERROR(Connect());
  const auto context = NewContext();
  v1::GetPlanJobRequest request;
  request.set_name(job);
  v1::PlanJob response;
  RETURN_IF_ERROR(FromGrpc(planner_->GetPlanJob(context.get(), request, &response)));
  return response;
}

absl::StatusOr<v1::ListPlanJobsResponse> Remote::List(int page_size) {
  RETURN_IF_ERROR(Connect());
  const auto context = NewContext();
  v1::ListPlanJobsRequest request;
  request.set_page_size(page_size);
  v1::ListPlanJobsResponse response;
  RETURN_IF_ERROR(FromGrpc(planner_->ListPlanJobs(context.get(), request, &response)));
  return response;
}

absl::StatusOr<v1::PlanJob> Remote::Cancel(const std::string& job) {
  RETURN_IF_ERROR(Connect());
  const auto context = NewContext();
  v1::CancelPlanJobRequest request;
  request.set_name(job);
  v1::PlanJob response;
  RETURN_IF_ERROR(FromGrpc(planner_->CancelPlanJob(context.get(), request, &response)));
  return response;
}

absl::Status Remote::Delete(const std::string& job) {
  RETURN_IF_ERROR(Connect());
  const auto context = NewContext();
  v1::DeletePlanJobRequest request;
  request.set_name(job);
  google::protobuf::Empty response;
  return FromGrpc(planner_->DeletePlanJob(context.get(), request, &response));
}

}  // namespace automap

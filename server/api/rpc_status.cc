#include "server/api/rpc_status.h"

#include "absl/strings/match.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace automap {
namespace {

constexpr char kDomain[] = "automap.dev";

std::string FieldOf(const std::string& message) {
  const size_t colon = message.find(": ");
  const std::string field = message.substr(0, colon);
  return colon != std::string::npos && field.find(' ') == std::string::npos ? field : "";
}

}  // namespace

std::string ReasonOf(const absl::Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      if (absl::StartsWith(message, "request_id"))
        return absl::StrContains(message, "was used") ? "REQUEST_ID_REUSED" : "REQUEST_ID_INVALID";
      if (absl::StartsWith(message, "header") || absl::StartsWith(message, "chunk"))
        return "UPLOAD_INVALID";
      return absl::StartsWith(message, "cluster") ? "CLUSTER_INVALID" : "REQUEST_INVALID";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kResourceExhausted:
      return absl::StrContains(message, "queue") ? "QUEUE_FULL" : "LIMIT_EXCEEDED";
    case absl::StatusCode::kFailedPrecondition:
      return "WRONG_STATE";
    case absl::StatusCode::kUnimplemented:
      return "NOT_BUILT";
    case absl::StatusCode::kUnavailable:
      return "DRAINING";
    case absl::StatusCode::kOutOfRange:
      return "TOKEN_INVALID";
    default:
      return "INTERNAL";
  }
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message(status.message());
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status));
  info.set_domain(kDomain);
  proto.add_details()->PackFrom(info);
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field(FieldOf(message));
    bad.mutable_field_violations(0)->set_description(message);
    proto.add_details()->PackFrom(bad);
  } else if (status.code() == absl::StatusCode::kResourceExhausted ||
             status.code() == absl::StatusCode::kUnavailable) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(1);
    proto.add_details()->PackFrom(retry);
  } else if (status.code() == absl::StatusCode::kNotFound) {
    google::rpc::ResourceInfo resource;
    resource.set_description(message);
    proto.add_details()->PackFrom(resource);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      proto.SerializeAsString());
}

}  // namespace automap

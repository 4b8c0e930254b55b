#include "server/api/rpc_status.h"

#include "absl/strings/match.h"
#include "base/reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace automap {
namespace {

constexpr char kDomain[] = "automap.dev";
constexpr size_t kMaxMessageBytes = 1500;  // trailers must stay small

std::string FieldOf(const std::string& message) {
  const size_t colon = message.find(": ");
  const std::string field = message.substr(0, colon);
  return colon != std::string::npos && field.find(' ') == std::string::npos ? field : "";
}

std::string InvalidReason(const std::string& message) {
  if (absl::StartsWith(message, "request_id")) return "REQUEST_ID_INVALID";
  if (absl::StartsWith(message, "header") || absl::StartsWith(message, "chunk"))
    return "UPLOAD_INVALID";
  if (absl::StartsWith(message, "page_token")) return "PAGE_TOKEN_INVALID";
  return absl::StartsWith(message, "cluster") ? "CLUSTER_INVALID" : "REQUEST_INVALID";
}

google::protobuf::Any Pack(const google::protobuf::Message& message) {
  google::protobuf::Any any;
  any.PackFrom(message);
  return any;
}

void AddQuota(const std::string& message, google::rpc::Status& proto) {
  google::rpc::QuotaFailure quota;
  quota.add_violations()->set_subject(FieldOf(message));
  quota.mutable_violations(0)->set_description(message);
  *proto.add_details() = Pack(quota);
}

void AddRetry(google::rpc::Status& proto) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(1);
  *proto.add_details() = Pack(retry);
}

void AddDetails(absl::StatusCode code, const std::string& message, google::rpc::Status& proto) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument: {
      google::rpc::BadRequest bad;
      bad.add_field_violations()->set_field(FieldOf(message));
      bad.mutable_field_violations(0)->set_description(message);
      *proto.add_details() = Pack(bad);
      return;
    }
    case absl::StatusCode::kResourceExhausted:
      AddQuota(message, proto);
      return AddRetry(proto);
    case absl::StatusCode::kUnavailable:
      return AddRetry(proto);
    case absl::StatusCode::kNotFound: {
      google::rpc::ResourceInfo resource;
      resource.set_description(message);
      *proto.add_details() = Pack(resource);
      return;
    }
    case absl::StatusCode::kFailedPrecondition: {
      google::rpc::PreconditionFailure failure;
      failure.add_violations()->set_subject(FieldOf(message));
      failure.mutable_violations(0)->set_description(message);
      *proto.add_details() = Pack(failure);
      return;
    }
    default:
      return;
  }
}

}  // namespace

std::string ReasonOf(const absl::Status& status) {
  if (std::string reason = ReasonOrEmpty(status); !reason.empty()) return reason;
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return InvalidReason(message);
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kResourceExhausted:
      return "LIMIT_EXCEEDED";
    case absl::StatusCode::kFailedPrecondition:
      return "WRONG_STATE";
    case absl::StatusCode::kUnimplemented:
      return "NOT_BUILT";
    case absl::StatusCode::kUnavailable:
      return "STORE_UNREACHABLE";
    case absl::StatusCode::kOutOfRange:
      return "TOKEN_INVALID";
    case absl::StatusCode::kAborted:
      return "CONCURRENT_CHANGE";
    case absl::StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    case absl::StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kDataLoss:
      return "DATA_LOSS";
    default:
      return "INTERNAL";
  }
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = std::string(status.message()).substr(0, kMaxMessageBytes);
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(status));
  info.set_domain(kDomain);
  *proto.add_details() = Pack(info);
  AddDetails(status.code(), message, proto);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      proto.SerializeAsString());
}

}  // namespace automap

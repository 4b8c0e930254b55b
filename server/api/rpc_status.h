// Errors as gRPC carries them: code, text, and google.rpc details for programs.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace automap {

// The stable reason for a status, e.g. HLO_MALFORMED; in ErrorInfo and in the metric of refusals.
std::string ReasonOf(const absl::Status& status);

// ErrorInfo always; BadRequest with the field's path for INVALID_ARGUMENT, QuotaFailure and
// RetryInfo for RESOURCE_EXHAUSTED, RetryInfo for UNAVAILABLE, PreconditionFailure for
// FAILED_PRECONDITION, ResourceInfo for NOT_FOUND. Our messages begin with the path:
// "spec.cluster_preset: \"x\", must be ...".
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace automap

#include "server/cli/exit_code.h"

#include <cstdio>

namespace automap {

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kOutOfRange:
      return kInvalidInput;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return kAnswerIsNo;
    case absl::StatusCode::kUnavailable:
      return kUnreachable;
    default:
      return kInternal;
  }
}

ExitCode Fail(const absl::Status& status) {
  std::fprintf(stderr, "automap: %s\n", std::string(status.message()).c_str());
  return ExitCodeOf(status);
}

}  // namespace automap

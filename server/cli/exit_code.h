// What the command line returns to the shell.
#pragma once

#include "absl/status/status.h"

namespace automap {

enum ExitCode {
  kDone = 0,
  kAnswerIsNo = 1,
  kUsage = 2,
  kInvalidInput = 3,
  kUnreachable = 4,
  kInternal = 5
};

// The code for an error: a mistake of the input, a "no", no server, or a mistake of ours.
ExitCode ExitCodeOf(const absl::Status& status);

// Prints the error to stderr and returns its code.
ExitCode Fail(const absl::Status& status);

}  // namespace automap

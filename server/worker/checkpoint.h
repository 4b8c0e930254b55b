// A search's journal, sealed: whoever opens it knows that it is whole and of the same question.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/worker/v1/worker.pb.h"

namespace automap {

// 8 bytes "AMAPCKP1", 32 bytes SHA-256 of all that follows, 32 bytes fingerprint, then the journal.
// The magic changes with the layout.
std::string SealCheckpoint(absl::string_view journal, const std::string& fingerprint);

// The journal. DATA_LOSS when any byte is not as it was sealed, FAILED_PRECONDITION when it is of
// another question or program.
absl::StatusOr<std::string> OpenCheckpoint(absl::string_view sealed,
                                           const std::string& fingerprint);

// SHA-256 (32 bytes) over what a search follows from: module, cluster and options as they are, the
// planner's version and the program itself (its build id).
std::string FingerprintOf(const worker::v1::PlanTask& task);

}  // namespace automap

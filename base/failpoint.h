// Named places where tests let the process die, wait or fail, to show that no moment is special.
//
// AUTOMAP_FAILPOINTS="store.create.before_commit=kill,blob.rename.before=error@3": at the third
// time for @3, else at the first. `kill` is SIGKILL on ourselves, `stop` is SIGSTOP, `error` makes
// the place report an error as if its work had failed. Without the variable a place costs one load.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace automap {

// Whether the place shall report an error. Does not return for `kill`.
bool Failpoint(absl::string_view name);

// The same as a status: UNAVAILABLE with the name.
absl::Status FailpointStatus(absl::string_view name);

}  // namespace automap

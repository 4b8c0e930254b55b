// What a worker process may still do once it is ready: compute, and talk on the pipes it has.
#pragma once

#include "absl/status/status.h"

namespace automap {

// For good, for all threads of this process: no sockets, no new programs or processes, no files
// written, made, renamed or removed, no looking into other processes, no new privileges. What is
// forbidden fails with EPERM, so that libraries notice instead of dying. Files may be read: shared
// libraries and the trained network come late. UNAVAILABLE where the system allows no filter; the
// limits of setrlimit hold all the same.
absl::Status EnterSandbox();

}  // namespace automap

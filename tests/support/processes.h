// What the system knows of processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace automap {

// Those that `pid` has started and that have not ended.
std::vector<pid_t> ChildrenOf(pid_t pid);

// The processor's time that `pid`, its children and those that it has waited for have used.
double ProcessorSeconds(pid_t pid);

// A line of /proc/PID/status in KiB, such as "VmRSS" or "VmHWM"; 0 when it is gone.
int64_t StatusKiB(pid_t pid, const std::string& name);

}  // namespace automap

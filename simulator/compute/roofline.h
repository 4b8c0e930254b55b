// How long a kernel takes on a device.
#pragma once

#include "simulator/cluster/cluster.h"
#include "simulator/program.h"

namespace automap {

// One execution of a step:
//
//   t = max(FLOPs / (peak x efficiency), bytes / (bandwidth x 0.8)) + launches x launch floor
//
// Efficiency of large kernels in training (fitted to published measurements): matrix products 0.67
// in 32 bits and 0.70 in fewer, 3x3 convolutions in 32 bits 2.0 (Winograd multiplies less than what
// is counted), element-wise kernels are bound by bandwidth. 0.8 of the memory bandwidth is what
// element-wise kernels reach.
Seconds KernelTime(const DeviceType& device, const ComputeStep& step);

}  // namespace automap

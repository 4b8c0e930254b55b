// How long a kernel takes on a device.
#pragma once

#include "simulator/cluster/cluster.h"
#include "simulator/program.h"

namespace automap {

// One execution of a step:
//
//   t = max(FLOPs / (peak x efficiency), bytes / (bandwidth x memory efficiency))
//       + launches x launch floor
//
// times the step's scale, where it was measured.
Seconds KernelTime(const DeviceType& device, const ComputeStep& step);

// Share of the peak that a kernel reaches, > 0. The device's table says what large ones reach; then
//
//   matmul       x rows and columns over what tiles of 64 cover (smaller tiles for smaller sizes)
//                x sqrt(share of the multiprocessors that work when the last of the 128 x 128
//                blocks
//                  are computed): half of the loss, as libraries split such blocks
//   convolution  x c / (c + 46) with c channels, the harmonic mean of input and output
//                / padding to Winograd's 4 x 4 tiles; a convolution that Winograd does not serve
//                reaches at most what a matrix product reaches
//
// Fitted: 0.72 of 16-bit A100 on one layer of Korthikanti's 22B model, 0.82 of V100 on the first
// row of Megatron's 2020 table, 0.70 of H100 on Megatron's H100 table, 3.0 and 46 on the 3 x 3
// convolutions of VGG-19 in 32 bits. `automap bench cost-model` shows what rows say that were not
// fitted.
double EfficiencyOf(const DeviceType& device, const ComputeStep& step);

}  // namespace automap

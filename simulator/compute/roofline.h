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
//                reaches at most half of what a matrix product reaches
//
// What the numbers were fitted on (rows of tests/data/published; `automap bench cost-model` shows
// the errors of all other rows, and what each table says when its number is fitted without it):
//
//   matmul of A100, 16 bits   0.72    one layer time: Korthikanti Table 4, no recomputation
//   matmul of V100, 16 bits   0.745   the first row of Megatron's 2020 table
//   matmul of V100, 32 bits   0.85    DAPPLE's BERT-large layer, forward and backward
//   matmul of H100, 16 bits   0.59    all nine rows of Megatron's H100 table; H200, B200: the same
//   convolution, 32 bits      3.0, 46 VGG-19's 16 convolutions on V100
//   half of a product         0.5     Wide-ResNet 250M on one V100
//   memory                    0.8     recalled, with them
//
// Tiles, waves and their square root were chosen with the tables of A100 and V100 in sight.
double EfficiencyOf(const DeviceType& device, const ComputeStep& step);

}  // namespace automap

// How long a kernel takes on a device.
#pragma once

#include "simulator/cluster/cluster.h"
#include "simulator/program.h"

namespace automap {

// One execution of a step:
//
//   t = max(FLOPs / (peak x efficiency) + result / swept, bytes / swept) + launches x launch floor
//
// with swept = bandwidth x memory efficiency; a matrix product's result is written when its sums
// are complete, so a short sum does not hide it. All times the step's scale, where it was measured.
// A convolution that Winograd's algorithm serves also reads its filters, writes them as 36 numbers
// for 9 and reads those (9 times their bytes, added to the arithmetic), and takes the direct way
// where that is shorter: with few places for each filter.
Seconds KernelTime(const DeviceType& device, const ComputeStep& step);

// Share of the peak that a kernel reaches, > 0. The device's table says what large ones reach; then
//
//   matmul       x rows and columns over what tiles of 64 cover (smaller tiles for smaller sizes)
//                x share of the multiprocessors that work on average when the last of the 128 x 128
//                blocks are computed; its square root with fewer blocks than multiprocessors and
//                without tensor cores, where libraries fill half of the gap
//   convolution  by Winograd's algorithm x c / (c + 80) with c channels, the harmonic mean of input
//                and output, / padding to its 4 x 4 tiles; else 0.70 of what the matrix product
//                that computes it reaches, tiles and blocks included, and no more than the table
//
// What the numbers were fitted on (rows of tests/data/published; `automap bench cost-model` shows
// the errors of all other rows, and what each table says when its number is fitted without it):
//
//   matmul of A100, 16 bits   0.765   one layer time: Korthikanti Table 4, no recomputation
//   matmul of V100, 16 bits   0.78    the first row of Megatron's 2020 table
//   matmul of V100, 32 bits   0.90    DAPPLE's BERT-large layer, forward and backward
//   matmul of H100, 16 bits   0.62    all nine rows of Megatron's H100 table; H200, B200: the same
//   convolution, 32 bits      3.45, 80  VGG-19's 16 convolutions on V100
//   0.70 of a product                Wide-ResNet 250M on one V100
//   memory                    0.8     recalled, with them
//
// Tiles, waves and their square root were chosen with the tables of A100 and V100 in sight: that it
// is left to 32 bits, after BERT in PyTorch had been predicted too fast in 16 bits alone.
double EfficiencyOf(const DeviceType& device, const ComputeStep& step);

}  // namespace automap

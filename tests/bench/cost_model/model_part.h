// What the layers of a model compute, as programs of the simulator: axis 0 of their mesh is data,
// axis 1 tensor.
#pragma once

#include <vector>

#include "simulator/program.h"

namespace automap {

inline constexpr int32_t kDataAxis = 0, kTensorAxis = 1;

enum class Recompute { kNone, kSelective, kFull };

// A layer (or several equal ones) on one device, for one micro-batch.
struct ModelPart {
  Program forward, backward;     // backward with what it computes again
  Bytes saved;                   // from forward to backward
  Bytes workspace;               // while it runs; parts take turns
  Bytes held;                    // throughout
  double parameters = 0;         // on one device, equal in all replicas
  double expert_parameters = 0;  // on one device, split over the replicas
  double count = 1;              // equal layers
};

// A matrix product; `batch` of them at once.
struct Gemm {
  double rows, columns, depth, batch = 1;
};

void AddGemm(Program& program, NumberType type, const Gemm& gemm);
// The gradients of both operands.
void AddGemmGradients(Program& program, NumberType type, const Gemm& gemm);
// Element-wise kernels that read and write `bytes` in all.
void AddSweep(Program& program, double bytes, int launches);
// `overlaps`: how many compute steps that follow run meanwhile.
void AddCollective(Program& program, CollectiveKind kind, int32_t axis, double bytes,
                   int32_t overlaps = 0);

}  // namespace automap

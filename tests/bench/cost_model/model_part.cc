#include "tests/bench/cost_model/model_part.h"

namespace automap {

void AddGemm(Program& program, NumberType type, const Gemm& gemm) {
  ComputeStep step;
  step.kind = ComputeKind::kMatmul;
  step.type = type;
  step.flops = {2 * gemm.rows * gemm.columns * gemm.depth * gemm.batch};
  step.bytes = {BytesOf(type) * gemm.batch *
                (gemm.rows * gemm.depth + gemm.depth * gemm.columns + gemm.rows * gemm.columns)};
  step.shape = {.rows = gemm.rows, .columns = gemm.columns, .batch = gemm.batch};
  program.steps.push_back(step);
}

void AddGemmGradients(Program& program, NumberType type, const Gemm& gemm) {
  AddGemm(program, type, {gemm.rows, gemm.depth, gemm.columns, gemm.batch});
  AddGemm(program, type, {gemm.depth, gemm.columns, gemm.rows, gemm.batch});
}

void AddSweep(Program& program, double bytes, int launches) {
  ComputeStep step;
  step.bytes = {bytes};
  step.launches = launches;
  program.steps.push_back(step);
}

void AddCollective(Program& program, CollectiveKind kind, int32_t axis, double bytes,
                   int32_t overlaps) {
  program.steps.push_back(CollectiveStep{kind, axis, {bytes}, 1, -1, overlaps});
}

}  // namespace automap

// Another planner's objective, to compare with it on its own ground: the length that the open
// DAPPLE planner (HPGO 0.9.2) predicts for a plan, its slips included, and the best plan that we
// find for it. Not used for our own plans.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace automap {

// Times in seconds of the whole global batch, forward and backward; bytes likewise.
struct DappleState {
  double compute_s = 0, output_bytes = 0, parameter_bytes = 0;
  bool may_cut_before = true;
};

struct DappleQuestion {
  std::vector<DappleState> states;
  int32_t servers = 1, devices_per_server = 8;
  int32_t outer_replicas = 1;  // stages take devices in multiples of it
  int32_t micro_batches = 1;

  int32_t devices() const { return servers * devices_per_server; }
};

// Stages in order; devices ascending.
struct DappleStage {
  int32_t begin = 0, end = 0;  // states
  std::vector<int32_t> devices;
};
using DapplePlan = std::vector<DappleStage>;

// T, the planner's own: with b = P / M, P = max of C_s / d_s and of twice the outputs' transfer
// (once for two stages without outer replicas),
//
//   T = b (M - 1) + C / (rp M) + sum X_s / (rp M) + max(0, max over s of (AR_s - s b))
//
// Transfers into one server run at 1 GB/s for the share that comes from others, at 25 GB/s when
// none does; into several servers at 3 GB/s. All-reduces run at 3 GB/s across servers and at 25
// GB/s x floor(g / 2) inside; that of a stage counts one state too many.
double DappleTime(const DappleQuestion& question, const DapplePlan& plan);

// The form of the paper with warm-up, steady and ending phases around a pivot.
double DapplePivotTime(const DappleQuestion& question, const DapplePlan& plan);

// Pure data parallelism without overlap: C / n + AR of all parameters.
double DappleDataParallelTime(const DappleQuestion& question);

enum class DappleObjective { kTime, kPivotTime };

// The plan that we find to be the best by an objective: two stages exhaustively, over all cuts and
// all ways to share out the servers' devices; more stages on consecutive devices by the dynamic
// programme for P for each number of stages, then by hill climbing. Deterministic.
DapplePlan BestDapplePlan(const DappleQuestion& question,
                          DappleObjective objective = DappleObjective::kTime);

}  // namespace automap

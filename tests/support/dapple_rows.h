// Rows of a comparison with the DAPPLE planner: a chain, its plan, what it predicted.
#pragma once

#include <string>
#include <vector>

#include "planner/explore/pipeline/dapple_objective.h"

namespace automap {

struct DappleRow {
  std::string profile, cluster, search;
  DappleQuestion question;
  DapplePlan plan;
  double predicted_s = 0, pivot_s = 0, data_parallel_s = 0, wall_s = 0, short_wall_s = 0;
  bool panicked = false;
  int64_t global_batch = 0;
};

// The rows of `plans` for which there is a chain in `chains`, both JSON as published with the
// comparison. Aborts on broken files.
std::vector<DappleRow> ReadDappleRows(const std::string& plans, const std::string& chains);

}  // namespace automap

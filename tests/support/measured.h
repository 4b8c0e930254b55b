// Figures for docs/benchmarks.md: a test that measures one hands it to Measured, and
// tests/bench/measure_service collects them.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

namespace automap {

// One row of the table, appended to the file named by AUTOMAP_MEASURED; without it nothing happens.
inline void Measured(const std::string& what, const std::string& goal, const std::string& value) {
  if (const char* path = std::getenv("AUTOMAP_MEASURED"); path != nullptr && *path != 0)
    std::ofstream(path, std::ios::app) << "| " << what << " | " << goal << " | " << value << " |\n";
}

// The processor's seconds that this process has used.
inline double ProcessorNow() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// The value that `share` of them do not exceed; `values` must not be empty.
inline double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(share * last + 0.5)];
}

}  // namespace automap

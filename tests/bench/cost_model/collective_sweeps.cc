#include "tests/bench/cost_model/collective_sweeps.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "absl/strings/str_format.h"
#include "simulator/collective/catalog.h"
#include "simulator/evaluate.h"
#include "tests/bench/cost_model/errors.h"
#include "tests/bench/cost_model/published_row.h"

namespace automap {
namespace {

using Json = nlohmann::json;

constexpr double kLargeEnough = 1 << 20;

CollectiveKind KindOf(const std::string& name) {
  for (const CollectiveRow& row : CollectiveCatalog()) {
    if (name == row.name) return row.kind;
  }
  std::fprintf(stderr, "\"%s\" is no collective\n", name.c_str());
  std::exit(2);
}

// The power of ten at or below, as text.
std::string Decade(double bytes) {
  return absl::StrFormat("1e%02d bytes on", static_cast<int>(std::floor(std::log10(bytes))));
}

using ErrorsByDecade = std::map<std::string, Errors>;

void Print(const ErrorsByDecade& decades, const char* what) {
  for (const auto& [decade, errors] : decades)
    errors.Print(absl::StrFormat("  %s, %s", what, decade));
}

}  // namespace

void RunCollectiveSweeps(const Json& document, Residuals& residuals) {
  std::printf("\n%-34s %10s %12s %12s %8s\n", "collectives", "KiB", "measured", "predicted",
              "error");
  ErrorsByDecade fitted, others;
  for (const Json& row : document["rows"]) {
    const auto model = CostModel::Create(ClusterOf(row["cluster"]), {{{"x", row["devices"]}}, 0});
    const std::string name = row["name"], fit = row.value("fit", "");
    const CollectiveKind kind = KindOf(row["kind"]);
    ErrorsByDecade decades;
    for (const Json& point : row["bytesAndSeconds"]) {
      const double bytes = point[0], measured = point[1];
      const double predicted = model->StepTime(CollectiveStep{kind, 0, {bytes}, 1, -1, 0}).value;
      const double error = ErrorOf(predicted, measured);
      std::printf("%-34s %10.0f %9.0f us %9.0f us %+7.1f %%\n", name.c_str(), bytes / 1024,
                  1e6 * measured, 1e6 * predicted, 100 * error);
      decades[Decade(bytes)].Add(error);
      (fit.empty() ? others : fitted)[Decade(bytes)].Add(error);
      if (!fit.empty() || bytes < kLargeEnough) continue;
      (model->LeavesServer(0) ? residuals.outside : residuals.inside)
          .push_back(measured / predicted - 1);
    }
    Print(decades, fit.empty() ? "not fitted on" : ("fit: " + fit).c_str());
  }
  std::printf("all collectives\n");
  Print(fitted, "fitted on");
  Print(others, "not fitted on");
  for (const Json& reason : document.value("excluded", Json::array()))
    std::printf("  excluded: %s\n", reason.get<std::string>().c_str());
}

}  // namespace automap

#include "tests/bench/cost_model/residuals.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "absl/strings/str_format.h"
#include "tests/bench/cost_model/errors.h"

namespace automap {
namespace {

constexpr double kMostlyCompute = 0.95;
constexpr double kShare = 0.9;

double Square(double value) { return value * value; }

double RootMeanSquare(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return values.empty() ? 0 : std::sqrt(sum / values.size());
}

double ErrorOf(const StepResidual& step) { return step.measured / step.predicted.sum().value - 1; }

// Half of the mean square by which two plans for the same step are off from each other, less what
// their different parts explain.
double OwnSpread(const std::vector<StepResidual>& steps, const DoubtConstants& constants) {
  double sum = 0;
  int pairs = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const StepResidual &a = steps[i], &b = steps[j];
      if (a.group.empty() || a.group != b.group) continue;
      const auto share = [](const StepResidual& step, Seconds part) {
        return part / step.predicted.sum();
      };
      const double explained =
          Square(constants.compute *
                 (share(a, a.predicted.compute) - share(b, b.predicted.compute))) +
          Square(constants.inside * (share(a, a.predicted.inside) - share(b, b.predicted.inside))) +
          Square(constants.outside *
                 (share(a, a.predicted.outside) - share(b, b.predicted.outside)));
      sum += std::max(0.0, Square(ErrorOf(a) - ErrorOf(b)) - explained) / 2;
      ++pairs;
    }
  }
  return pairs > 0 ? std::sqrt(sum / pairs) : 0;
}

// How many spreads cover nine of ten steps.
double SpreadsThatCover(const std::vector<StepResidual>& steps, const DoubtConstants& constants) {
  std::vector<double> spreads;
  for (const StepResidual& step : steps)
    spreads.push_back(std::abs(ErrorOf(step)) * step.predicted.sum().value /
                      SpreadOf(step.predicted, constants).value);
  if (spreads.empty()) return 0;
  const size_t place =
      std::min(spreads.size() - 1, static_cast<size_t>(std::ceil(kShare * spreads.size())));
  std::nth_element(spreads.begin(), spreads.begin() + place, spreads.end());
  return spreads[place];
}

double Rounded(double value) { return std::round(1e3 * value) / 1e3; }

int CountInside(const std::vector<StepResidual>& steps, const DoubtConstants& constants) {
  return std::count_if(steps.begin(), steps.end(), [&](const StepResidual& step) {
    const double spread = constants.nine_of_ten * SpreadOf(step.predicted, constants).value;
    return std::abs(step.measured - step.predicted.sum().value) <= spread;
  });
}

}  // namespace

DoubtConstants DoubtFrom(const Residuals& residuals) {
  std::vector<double> compute = residuals.compute;
  for (const StepResidual& step : residuals.steps) {
    if (step.predicted.compute >= step.predicted.sum() * kMostlyCompute)
      compute.push_back(ErrorOf(step));
  }
  DoubtConstants constants;
  constants.compute = Rounded(RootMeanSquare(compute));
  constants.inside = Rounded(RootMeanSquare(residuals.inside));
  constants.outside = Rounded(RootMeanSquare(residuals.outside));
  constants.own = Rounded(OwnSpread(residuals.steps, constants));
  constants.nine_of_ten = Rounded(SpreadsThatCover(residuals.steps, constants));
  return constants;
}

void PrintCoverage(const Residuals& residuals, const DoubtConstants& constants) {
  std::set<std::string> sets;
  for (const StepResidual& step : residuals.steps) sets.insert(step.set);
  int held_out = 0;
  for (const std::string& set : sets) {
    Residuals others = residuals;
    std::vector<StepResidual> own;
    others.steps.clear();
    for (const StepResidual& step : residuals.steps)
      (step.set == set ? own : others.steps).push_back(step);
    held_out += CountInside(own, DoubtFrom(others));
  }
  const size_t count = residuals.steps.size();
  std::printf(
      "\ninside the interval of nine cases in ten: %d of %zu training steps, %d with the doubt of "
      "the other sets\n",
      CountInside(residuals.steps, constants), count, held_out);
}

std::string DoubtHeader(const DoubtConstants& constants) {
  return absl::StrFormat(
      "// How far the cost model is off. Written by `automap bench cost-model --write-doubt FILE`; "
      "the\n// bench fails when it says something else.\n"
      "#pragma once\n\n#include \"simulator/doubt.h\"\n\nnamespace automap {\n\n"
      "inline constexpr DoubtConstants kDoubt = {.compute = %.3f,\n"
      "                                          .inside = %.3f,\n"
      "                                          .outside = %.3f,\n"
      "                                          .own = %.3f,\n"
      "                                          .nine_of_ten = %.3f};\n\n}  // namespace "
      "automap\n",
      constants.compute, constants.inside, constants.outside, constants.own, constants.nine_of_ten);
}

}  // namespace automap

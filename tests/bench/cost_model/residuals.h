// What predictions were off by, where nothing was fitted: simulator/doubt_constants.h follows from
// it.
#pragma once

#include <string>
#include <vector>

#include "simulator/doubt.h"

namespace automap {

struct StepResidual {
  std::string set;
  std::string group;  // of steps that do the same by other plans; empty for none
  TimeParts predicted;
  double measured = 0;
};

struct Residuals {
  std::vector<double> compute, inside, outside;  // relative errors
  std::vector<StepResidual> steps;
};

// The spreads by kind, and how many spreads cover nine of ten steps.
DoubtConstants DoubtFrom(const Residuals& residuals);

// Prints how many of the steps lie inside the interval of nine cases in ten, with `constants` and
// with what all sets but the step's own give.
void PrintCoverage(const Residuals& residuals, const DoubtConstants& constants);

// The text of simulator/doubt_constants.h.
std::string DoubtHeader(const DoubtConstants& constants);

}  // namespace automap

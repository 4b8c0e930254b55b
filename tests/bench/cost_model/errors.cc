#include "tests/bench/cost_model/errors.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace automap {

void Errors::Add(double error) {
  const double size = std::abs(error);
  errors_.insert(std::upper_bound(errors_.begin(), errors_.end(), size), size);
}

double Errors::Median() const { return empty() ? 0 : errors_[errors_.size() / 2]; }
double Errors::Worst() const { return empty() ? 0 : errors_.back(); }

void Errors::Print(const std::string& what) const {
  if (empty()) return;
  std::printf("%-44s %3zu   median %5.1f %%   worst %5.1f %%\n", what.c_str(), errors_.size(),
              100 * Median(), 100 * Worst());
}

std::vector<double> FitScales() {
  std::vector<double> scales;
  for (int percent = 80; percent <= 120; percent += 2) scales.push_back(percent / 100.0);
  return scales;
}

double ErrorWithout(const Curve& out, const std::vector<const Curve*>& others) {
  size_t best = 0;
  double least = 1e300;
  for (size_t i = 0; i < out.errors.size(); ++i) {
    double sum = 0;
    for (const Curve* other : others) sum += std::abs(other->errors[i]);
    if (sum < least) least = sum, best = i;
  }
  return out.errors[best];
}

Order OrderOf(const std::vector<std::vector<Point>>& groups) {
  Order order;
  double sum = 0;
  for (const auto& points : groups) {
    for (size_t i = 0; i < points.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const double measured = points[i].measured - points[j].measured;
        const double predicted = points[i].predicted - points[j].predicted;
        if (std::abs(measured) < 0.02 * points[i].measured || predicted == 0) continue;
        ++order.pairs;
        sum += measured * predicted > 0 ? 1 : -1;
      }
    }
  }
  if (order.pairs > 0) order.tau = sum / order.pairs;
  return order;
}

}  // namespace automap

// Errors of predictions, summed up.
#pragma once

#include <string>
#include <vector>

namespace automap {

inline double ErrorOf(double predicted, double measured) { return predicted / measured - 1; }

class Errors {
 public:
  void Add(double error);
  bool empty() const { return errors_.empty(); }
  // Of the absolute errors; 0 without any.
  double Median() const;
  double Worst() const;
  // One line: how many, median, worst. Nothing without any.
  void Print(const std::string& what) const;

 private:
  std::vector<double> errors_;  // absolute, ascending
};

// Factors by which a fit of one constant changes an efficiency: 0.8 to 1.2.
std::vector<double> FitScales();

// The errors of one row by scale.
struct Curve {
  std::string set;
  std::vector<double> errors;
};

// The error of `out` at the scale that suits `others` best.
double ErrorWithout(const Curve& out, const std::vector<const Curve*>& others);

struct Point {
  double predicted, measured;
};

struct Order {
  int pairs = 0;
  double tau = 1;
};

// Kendall's tau over the pairs inside each group; pairs measured within 2 % of each other are left
// out, as is what is predicted to be the same plan.
Order OrderOf(const std::vector<std::vector<Point>>& groups);

}  // namespace automap

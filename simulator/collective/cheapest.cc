#include "simulator/collective/cheapest.h"

#include <cmath>

namespace automap {

Seconds CheapestModel::Time(const GroupPath& path, Bytes bytes) const {
  return path.devices <= 1 || bytes.value <= 0 ? Seconds{0} : LeastAt(CurvesOf(path), bytes);
}

TransferCurves CheapestModel::CurvesOf(const GroupPath& path) const {
  TransferCurves curves;
  for (const CurveModel* model : models_) {
    const TransferCurve curve = model->CurveOf(path);
    if (std::isfinite(curve.start.value)) curves.push_back(curve);
  }
  return curves;
}

}  // namespace automap

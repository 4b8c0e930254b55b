// The cheapest of several algorithms, chosen by size as a library does.
#pragma once

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "simulator/collective/collective_model.h"

namespace automap {

// The least of these at each size.
using TransferCurves = absl::InlinedVector<TransferCurve, 4>;

// `curves` not empty, `bytes` more than 0.
inline Seconds LeastAt(const TransferCurves& curves, Bytes bytes) {
  Seconds least = curves.front().At(bytes);
  for (size_t c = 1; c < curves.size(); ++c) least = std::min(least, curves[c].At(bytes));
  return least;
}

// Continuous where one algorithm takes over from another, as the smallest of continuous functions.
class CheapestModel final : public CollectiveModel {
 public:
  explicit constexpr CheapestModel(absl::Span<const CurveModel* const> models) : models_(models) {}
  Seconds Time(const GroupPath& path, Bytes bytes) const override;
  // Of those that can run on a path of several devices.
  TransferCurves CurvesOf(const GroupPath& path) const;

 private:
  absl::Span<const CurveModel* const> models_;
};

}  // namespace automap

// The cheapest of several algorithms, chosen by size as a library does.
#pragma once

#include "absl/types/span.h"
#include "simulator/collective/collective_model.h"

namespace automap {

// Continuous where one algorithm takes over from another, as the smallest of continuous functions.
class CheapestModel final : public CollectiveModel {
 public:
  explicit constexpr CheapestModel(absl::Span<const CollectiveModel* const> models)
      : models_(models) {}
  Seconds Time(const GroupPath& path, Bytes bytes) const override;

 private:
  absl::Span<const CollectiveModel* const> models_;
};

}  // namespace automap

// Which model prices which collective. To add one: write it beside ring.h, put it into its row in
// catalog.cc.
#pragma once

#include "absl/types/span.h"
#include "simulator/collective/cheapest.h"
#include "simulator/collective/collective_model.h"

namespace automap {

struct CollectiveRow {
  CollectiveKind kind;
  const char* name;  // upper case, as in plans
  const CollectiveModel* model;
};

// One row per CollectiveKind, in its order.
absl::Span<const CollectiveRow> CollectiveCatalog();

// The row of all-reduces, for who asks it often.
const CheapestModel& AllReduceModel();

inline const CollectiveModel& ModelOf(CollectiveKind kind) {
  return *CollectiveCatalog()[static_cast<int>(kind)].model;
}

}  // namespace automap

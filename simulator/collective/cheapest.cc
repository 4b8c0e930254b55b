#include "simulator/collective/cheapest.h"

#include <algorithm>

namespace automap {

Seconds CheapestModel::Time(const GroupPath& path, Bytes bytes) const {
  Seconds least = models_.front()->Time(path, bytes);
  for (const CollectiveModel* model : models_.subspan(1))
    least = std::min(least, model->Time(path, bytes));
  return least;
}

}  // namespace automap

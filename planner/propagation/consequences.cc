#include "planner/propagation/consequences.h"

namespace automap {

std::vector<Consequences> ConsequencesOf(const Propagation& propagation) {
  std::vector<Consequences> all;
  const auto trail = propagation.trail();
  const auto begins = propagation.decision_begins();
  for (size_t decision = 0; decision < begins.size(); ++decision) {
    const size_t end = decision + 1 < begins.size() ? begins[decision + 1] : trail.size();
    Consequences& here = all.emplace_back();
    for (size_t i = begins[decision]; i < end; ++i) {
      if (Propagation::IsTensor(trail[i])) {
        here.tensors.push_back(propagation.split(Propagation::AsTensor(trail[i])));
      } else {
        here.factors.push_back(propagation.selected(Propagation::AsNode(trail[i])));
      }
    }
  }
  return all;
}

}  // namespace automap

#include "planner/propagation/find_cuts.h"

namespace automap {
namespace {

// One way past a conflict: operand places of a node to cut, and what moving them costs, in elements
// that each device receives.
struct WayPast {
  std::vector<Cut> cuts;
  double price = 0;
};

class CutFinder {
 public:
  CutFinder(Propagation& propagation, Cuts& cuts)
      : propagation_(propagation),
        wiring_(propagation.wiring()),
        graph_(wiring_.graph()),
        cuts_(cuts) {}

  bool Find(TensorDim decision) {
    for (int tries = 0; tries <= kMaxCuts; ++tries) {
      const auto conflict = propagation_.Split(decision);
      if (!conflict) {
        KeepWhatMatters();
        return true;
      }
      const size_t before = cuts_.list().size();
      for (const Cut& cut : CheapestWayPast(*conflict).cuts) cuts_.Add(cut);
      if (cuts_.list().size() == before) break;
    }
    cuts_.Clear();
    return false;
  }

 private:
  WayPast CheapestWayPast(const Conflict& conflict) const {
    const TensorDim& demand = conflict.demand;
    switch (conflict.kind) {
      case ConflictClass::kTwoFactors: {
        const WayPast late = PlacesOf(conflict.node, -1, demand.tensor, conflict.other);
        const WayPast early = PlacesOf(conflict.node, conflict.other, -1, -1);
        return early.cuts.empty() || late.price <= early.price ? late : early;
      }
      case ConflictClass::kOtherDim:
        return Unsplit(conflict.node, demand);
      default: {
        // Refused by a reader, or, on the border of the step, by the array itself.
        const WayPast at_reader =
            conflict.node < 0 ? WayPast() : PlacesOf(conflict.node, -1, demand.tensor, -1);
        return at_reader.cuts.empty() ? Unsplit(conflict.node, demand) : at_reader;
      }
    }
  }

  // The operand places of a node that hold `factor` (if >= 0) or `tensor` (if >= 0). `wanted` is
  // the factor that the node works on instead.
  WayPast PlacesOf(NodeId node, FactorId factor, TensorId tensor, FactorId wanted) const {
    WayPast way;
    const auto operands = graph_.operands(node);
    const auto factors = wiring_.operand_factors(node);
    size_t place = 0;
    for (size_t i = 0; i < operands.size(); ++i) {
      const Tensor& array = graph_.tensor(operands[i]);
      bool holds = operands[i] == tensor, is_wanted = false;
      for (int dim = 0; dim < array.rank && !factors.empty(); ++dim, ++place) {
        holds = holds || (factor >= 0 && factors[place] == factor);
        is_wanted = is_wanted || (wanted >= 0 && factors[place] == wanted);
      }
      if (!holds || array.rank == 0 || array.is_free) continue;
      way.cuts.push_back({node, static_cast<int32_t>(i)});
      double elements = 1;
      for (const int64_t size : array.shape()) elements *= static_cast<double>(size);
      way.price +=
          is_wanted ? elements / static_cast<double>(propagation_.options().axis_size) : elements;
    }
    return way;
  }

  // Keeps a tensor from being split so: by its producer, or, a parameter, by its new value.
  WayPast Unsplit(NodeId cause, const TensorDim& place) const {
    WayPast way;
    if (graph_.tensor(place.tensor).producer < 0) {
      for (const Leaf& output : graph_.outputs()) {
        if (wiring_.replaces(output.tensor) == place.tensor)
          way.cuts.push_back({-1, output.tensor});
      }
      return way;
    }
    for (FactorId factor = wiring_.factor_begin(cause);
         cause >= 0 && factor < wiring_.factor_begin(cause + 1); ++factor) {
      for (const TensorDim& result : wiring_.split_results(factor)) {
        if (result.tensor != place.tensor || result.dim != place.dim) continue;
        const WayPast places = PlacesOf(cause, factor, -1, -1);
        way.cuts.insert(way.cuts.end(), places.cuts.begin(), places.cuts.end());
      }
    }
    return way;
  }

  // Drops cuts at which nothing would be handed on anyway.
  void KeepWhatMatters() {
    std::vector<Cut> kept;
    for (const Cut& cut : cuts_.list()) {
      const TensorId tensor = cut.node < 0 ? cut.operand : graph_.operands(cut.node)[cut.operand];
      if (propagation_.split_dim(tensor) < 0) continue;
      const int32_t dim = propagation_.split_dim(tensor);
      const FactorId wanted = cut.node < 0 ? -1 : propagation_.selected(cut.node);
      const bool agrees =
          wanted >= 0 &&
          wiring_.factor_of({cut.node, wiring_.PlaceOf(cut.node, cut.operand)}, dim) == wanted;
      if (!agrees) kept.push_back(cut);
    }
    cuts_.Clear();
    for (const Cut& cut : kept) cuts_.Add(cut);
  }

  Propagation& propagation_;
  const Wiring& wiring_;
  const Graph& graph_;
  Cuts& cuts_;
};

}  // namespace

bool FindCuts(TensorDim decision, Propagation& propagation, Cuts& cuts) {
  return CutFinder(propagation, cuts).Find(decision);
}

}  // namespace automap

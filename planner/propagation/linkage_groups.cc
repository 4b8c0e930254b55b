#include "planner/propagation/linkage_groups.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "planner/propagation/find_cuts.h"
#include "planner/propagation/structure.h"

namespace automap {
namespace {

class GroupFinder {
 public:
  GroupFinder(const Wiring& wiring, const Roles& roles, Role role,
              const PropagationOptions& options, const PriorSplits* prior)
      : wiring_(wiring),
        graph_(wiring.graph()),
        roles_(roles),
        role_(role),
        propagation_(wiring, options, prior),
        cuts_(wiring),
        forbidden_(graph_.tensor_count(), 0),
        last_edge_(graph_.tensor_count(), -1),
        reaches_(graph_.tensor_count(), false),
        parameter_of_(graph_.tensor_count(), -1) {
    for (size_t i = 0; i < graph_.parameters().size(); ++i)
      parameter_of_[graph_.parameters()[i].tensor] = i;
    if (options.semantics.reshards) {
      propagation_.SetCuts(&cuts_);
    } else {
      propagation_.Forbid(&forbidden_);
    }
  }

  LinkageGroups Find() {
    for (size_t p = 0; p < graph_.parameters().size(); ++p) {
      if (roles_.of[p] != role_) continue;
      for (int32_t dim = 0; dim < graph_.tensor(graph_.parameters()[p].tensor).rank; ++dim) {
        Decide({static_cast<int32_t>(p), dim});
      }
    }
    SortGroups();
    FindImplied();
    FindConflicts();
    return std::move(found_);
  }

 private:
  void Decide(ParameterDim decision) {
    if (group_of_.contains(decision)) return;
    const TensorDim place = {graph_.parameters()[decision.parameter].tensor, decision.dim};
    const int64_t size = graph_.tensor(place.tensor).dims[place.dim];
    if (size <= 1) return Refuse(decision, {ConflictClass::kSizeOne, -1, place, -1});
    if (size % propagation_.options().axis_size != 0) {
      return Refuse(decision, {ConflictClass::kNotDivisible, -1, place, -1});
    }
    if (const auto conflict = propagation_.Split(place)) {
      if (!CutFree(place)) return Refuse(decision, Resolve(*conflict));
    }
    AddGroup(place);
    propagation_.UndoTo(0);
    cuts_.Clear();
  }

  // Splits with reshards where they are allowed. Gathering it wherever it is read would be no
  // split.
  bool CutFree(const TensorDim& place) {
    if (!propagation_.options().semantics.reshards || !FindCuts(place, propagation_, cuts_)) {
      return false;
    }
    const auto trail = propagation_.trail();
    if (!std::all_of(trail.begin(), trail.end(), Propagation::IsTensor)) return true;
    propagation_.UndoTo(0);
    cuts_.Clear();
    return false;
  }

  // A demand that is known to be infeasible conflicts for the reason that is known.
  Conflict Resolve(const Conflict& conflict) const {
    if (conflict.kind != ConflictClass::kForbidden) return conflict;
    return reason_.at({parameter_of_[conflict.demand.tensor], conflict.demand.dim});
  }

  void Refuse(ParameterDim decision, const Conflict& conflict) {
    forbidden_[graph_.parameters()[decision.parameter].tensor] |= uint64_t{1} << decision.dim;
    reason_[decision] = conflict;
    found_.infeasible.push_back({decision, conflict});
  }

  // The present state is the closure of `decision`. Its members are the parameters in it from which
  // the decision follows in turn, found by walking the closure backwards.
  void AddGroup(TensorDim decision) {
    LinkageGroup group;
    const bool is_composite = propagation_.options().semantics.composite_splits;
    edges_.clear();
    for (const int32_t entry : propagation_.trail()) {
      if (!Propagation::IsTensor(entry)) {
        const NodeId node = Propagation::AsNode(entry);
        group.factors.push_back(propagation_.selected(node));
        if (is_composite) group.outers.push_back(propagation_.selected_outer(node));
        continue;
      }
      const TensorId tensor = Propagation::AsTensor(entry);
      group.tensors.push_back(propagation_.split(tensor));
      for (const Wiring::Use& use : wiring_.uses(tensor)) {
        if (cuts_.Has(use)) continue;
        const FactorId factor = propagation_.selected(use.node);
        for (const TensorDim& result : wiring_.split_results(factor)) {
          AddEdge(result.tensor, tensor);
        }
      }
      if (wiring_.replaces(tensor) >= 0 && !cuts_.HasReplacement(tensor)) {
        AddEdge(wiring_.replaces(tensor), tensor);
      }
    }
    group.cuts = cuts_.list();
    for (const TensorId tensor : Reaching(decision.tensor)) {
      const int32_t parameter = parameter_of_[tensor];
      if (parameter < 0 || roles_.of[parameter] != role_) continue;
      group.members.push_back({parameter, propagation_.split_dim(tensor)});
    }
    std::sort(group.members.begin(), group.members.end());
    for (const ParameterDim& member : group.members) group_of_[member] = found_.groups.size();
    found_.groups.push_back(std::move(group));
  }

  void AddEdge(TensorId to, TensorId from) {
    edges_.push_back({to, from, last_edge_[to]});
    last_edge_[to] = static_cast<int32_t>(edges_.size()) - 1;
  }

  std::vector<TensorId> Reaching(TensorId target) {
    std::vector<TensorId> order = {target};
    reaches_[target] = true;
    for (size_t i = 0; i < order.size(); ++i) {
      for (int32_t edge = last_edge_[order[i]]; edge >= 0; edge = edges_[edge].before) {
        if (reaches_[edges_[edge].from]) continue;
        reaches_[edges_[edge].from] = true;
        order.push_back(edges_[edge].from);
      }
    }
    for (const TensorId tensor : order) reaches_[tensor] = false;
    for (const Edge& edge : edges_) last_edge_[edge.to] = -1;
    return order;
  }

  void SortGroups() {
    std::stable_sort(found_.groups.begin(), found_.groups.end(), [](const auto& a, const auto& b) {
      return a.members.size() != b.members.size() ? a.members.size() > b.members.size()
                                                  : a.members < b.members;
    });
    for (size_t g = 0; g < found_.groups.size(); ++g) {
      for (const ParameterDim& member : found_.groups[g].members) group_of_[member] = g;
    }
  }

  void FindImplied() {
    for (size_t g = 0; g < found_.groups.size(); ++g) {
      std::vector<int32_t>& implied = found_.groups[g].implied;
      for (const TensorDim& place : found_.groups[g].tensors) {
        const auto other = group_of_.find({parameter_of_[place.tensor], place.dim});
        if (other != group_of_.end() && other->second != static_cast<int32_t>(g))
          implied.push_back(other->second);
      }
      std::sort(implied.begin(), implied.end());
      implied.erase(std::unique(implied.begin(), implied.end()), implied.end());
    }
  }

  // What a group does at a node (which factor it selects) or with a tensor (which dim it splits),
  // and the `outer` of that.
  struct Claim {
    int32_t what = 0;
    int32_t outer = 1;
    int32_t group = -1;
    bool Agrees(const Claim& other) const { return what == other.what && outer == other.outer; }
  };

  // Calls visit(place, claim) for all claims; places are nodes, then tensors.
  template <typename Visit>
  void ForEachClaim(const Visit& visit) const {
    for (int32_t g = 0; g < static_cast<int32_t>(found_.groups.size()); ++g) {
      const LinkageGroup& group = found_.groups[g];
      for (size_t i = 0; i < group.factors.size(); ++i) {
        const int32_t outer = group.outers.empty() ? 1 : group.outers[i];
        visit(wiring_.factor(group.factors[i]).node, Claim{group.factors[i], outer, g});
      }
      for (const TensorDim& place : group.tensors) {
        visit(graph_.node_count() + place.tensor, Claim{place.dim, place.outer, g});
      }
    }
  }

  // Two groups conflict when they select different factors of one node or split one tensor in
  // different dims, or when one hands on a split where the other has cut it.
  void FindConflicts() {
    found_.conflicts.resize(found_.groups.size());
    std::vector<int32_t> begin(graph_.node_count() + graph_.tensor_count() + 1, 0);
    ForEachClaim([&](int32_t place, const Claim&) { ++begin[place + 1]; });
    for (size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
    std::vector<Claim> claims(begin.back());
    std::vector<int32_t> next(begin.begin(), begin.end() - 1);
    ForEachClaim([&](int32_t place, const Claim& claim) { claims[next[place]++] = claim; });
    const auto at = [&](int32_t place) {
      return absl::MakeConstSpan(claims).subspan(begin[place], begin[place + 1] - begin[place]);
    };
    for (size_t place = 0; place + 1 < begin.size(); ++place) {
      AddConflicts(at(static_cast<int32_t>(place)));
    }
    for (int32_t g = 0; g < static_cast<int32_t>(found_.groups.size()); ++g) {
      for (const Cut& cut : found_.groups[g].cuts) {
        const TensorId tensor = cut.node < 0 ? cut.operand : graph_.operands(cut.node)[cut.operand];
        AddConflictsAtCut(g, at(graph_.node_count() + tensor));
      }
    }
    for (auto& list : found_.conflicts) {
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
    }
  }

  void AddConflicts(absl::Span<const Claim> claims) {
    for (const Claim& one : claims) {
      for (const Claim& other : claims) {
        if (!one.Agrees(other)) found_.conflicts[one.group].push_back(other.group);
      }
    }
  }

  void AddConflictsAtCut(int32_t group, absl::Span<const Claim> claims) {
    for (const Claim& claim : claims) {
      if (claim.group == group) continue;
      found_.conflicts[group].push_back(claim.group);
      found_.conflicts[claim.group].push_back(group);
    }
  }

  const Wiring& wiring_;
  const Graph& graph_;
  const Roles& roles_;
  const Role role_;
  Propagation propagation_;
  Cuts cuts_;
  ForbiddenDims forbidden_;
  // What of the closure at hand follows from what, as lists by what follows.
  struct Edge {
    TensorId to = -1, from = -1;
    int32_t before = -1;  // the edge to the same tensor that was added before
  };
  std::vector<Edge> edges_;
  std::vector<int32_t> last_edge_;  // by tensor
  std::vector<bool> reaches_;
  std::vector<int32_t> parameter_of_;  // by tensor
  std::map<ParameterDim, int32_t> group_of_;
  std::map<ParameterDim, Conflict> reason_;
  LinkageGroups found_;
};

}  // namespace

LinkageGroups FindLinkageGroups(const Wiring& wiring, const Roles& roles, Role role,
                                const PropagationOptions& options, const PriorSplits* prior) {
  LinkageGroups found = FindUnnumberedGroups(wiring, roles, role, options, prior);
  const std::vector<int32_t> structures = StructuresOf(wiring, found.groups);
  for (size_t g = 0; g < found.groups.size(); ++g) {
    const int32_t structure = found.groups[g].structure = structures[g];
    if (structure >= static_cast<int32_t>(found.copies.size())) found.copies.push_back(0);
    ++found.copies[structure];
  }
  return found;
}

LinkageGroups FindUnnumberedGroups(const Wiring& wiring, const Roles& roles, Role role,
                                   const PropagationOptions& options, const PriorSplits* prior) {
  return GroupFinder(wiring, roles, role, options, prior).Find();
}

bool AnyOverlap(const Wiring& wiring, absl::Span<const LinkageGroup> groups) {
  std::vector<bool> is_claimed(wiring.factor_count(), false);
  for (const LinkageGroup& group : groups) {
    for (const FactorId factor : group.factors) {
      if (is_claimed[factor]) return true;
      is_claimed[factor] = true;
    }
  }
  return false;
}

std::vector<int32_t> StructuresOf(const Wiring& wiring, absl::Span<const LinkageGroup> groups) {
  std::vector<Piece> pieces;
  for (const LinkageGroup& group : groups)
    pieces.push_back({group.factors, group.outers, group.tensors, group.cuts});
  return NumberStructures(wiring, pieces);
}

}  // namespace automap

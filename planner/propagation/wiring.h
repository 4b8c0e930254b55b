// The rules of all nodes, laid out flat for propagation: from a split dimension of a tensor to the
// factors that it selects, from a selected factor to the result dimensions that it splits.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "planner/graph/graph.h"
#include "planner/graph/roles.h"
#include "planner/rules/factor_rule.h"

namespace automap {

using FactorId = int32_t;  // dense over the whole graph; -1 where there is none

// A dimension of a tensor as a split sees it: [outer, rest], cut in `rest`. `outer` is 1 but for
// composite splits.
struct TensorDim {
  TensorId tensor = -1;
  int32_t dim = 0;
  int32_t outer = 1;
  auto operator<=>(const TensorDim&) const = default;
};

// Immutable. Built once for a graph in O(slots x rank); independent of axis sizes and decisions.
class Wiring {
 public:
  struct FactorInfo {
    NodeId node = -1;
    FactorKind kind = FactorKind::kPass;
    bool is_reduce = false;     // the summed dimension of a `reduce`, for the paper rule
    bool is_even = false;       // every dimension that it lives in has exactly its size
    bool is_composite = false;  // lives in the rest of a merged dimension; for composite splits
    int64_t size = 1;
    int32_t results_begin = 0;  // result dims that it splits
    int32_t partial_begin = 0;  // kSum: result tensors that are partial and must be all-reduced
  };

  // What reader `node` does with a split of a tensor: the factor of each of the tensor's dims.
  struct Use {
    NodeId node = -1;
    int32_t factors_begin = 0;
  };

  Wiring(const Graph& graph, const Roles& roles);

  const Graph& graph() const { return *graph_; }
  int32_t factor_count() const { return static_cast<int32_t>(factors_.size()) - 1; }
  const FactorInfo& factor(FactorId id) const { return factors_[id]; }
  absl::Span<const TensorDim> split_results(FactorId id) const {
    return absl::MakeConstSpan(factor_results_)
        .subspan(factors_[id].results_begin,
                 factors_[id + 1].results_begin - factors_[id].results_begin);
  }
  absl::Span<const TensorId> partial_results(FactorId id) const {
    return absl::MakeConstSpan(factor_partials_)
        .subspan(factors_[id].partial_begin,
                 factors_[id + 1].partial_begin - factors_[id].partial_begin);
  }
  absl::Span<const Use> uses(TensorId tensor) const {
    return absl::MakeConstSpan(uses_).subspan(use_begin_[tensor],
                                              use_begin_[tensor + 1] - use_begin_[tensor]);
  }
  FactorId factor_of(const Use& use, int32_t dim) const {
    return use_factors_[use.factors_begin + dim];
  }
  // The factor that a composite split of a used tensor selects and the part of `outer` that lies
  // within the factor; factor -1 where there is none. O(log composite factors).
  struct InnerFactor {
    FactorId factor = -1;
    int32_t outer = 1;
  };
  InnerFactor FactorAt(const Use& use, int32_t dim, int32_t outer) const;
  // Which operand of its node a use is, and where an operand's dims begin (Use::factors_begin).
  int32_t OperandOf(const Use& use) const;
  int32_t PlaceOf(NodeId node, int32_t operand) const;
  int32_t place_count() const { return static_cast<int32_t>(use_factors_.size()) + 1; }
  // Whether a tensor enters or leaves the step: it is stored as the plan says, neither strided nor
  // padded.
  bool is_border(TensorId tensor) const { return is_border_[tensor]; }
  // The parameter that a tensor replaces after the step, or -1: its split becomes the parameter's.
  TensorId replaces(TensorId tensor) const { return replaces_[tensor]; }
  // The factors of a node's operand dims, operand by operand; empty when nothing it reads can be
  // split.
  absl::Span<const FactorId> operand_factors(NodeId node) const {
    return absl::MakeConstSpan(use_factors_)
        .subspan(node_use_begin_[node], node_use_begin_[node + 1] - node_use_begin_[node]);
  }
  // Factors of a node: [factor_begin(node), factor_begin(node + 1)).
  FactorId factor_begin(NodeId node) const { return node_factor_begin_[node]; }

 private:
  // A factor in the rest of an operand's dim.
  struct Minor {
    int32_t place = 0;  // in use_factors_
    int32_t outer = 1;
    FactorId factor = -1;
  };
  static bool IsBefore(const Minor& a, const Minor& b) {
    return a.place != b.place ? a.place < b.place : a.outer < b.outer;
  }

  void AddFactors(NodeId node, const FactorRule& rule);
  void AddCompositeFactors(NodeId node);
  void IndexUses(const std::vector<int32_t>& slot_factors);

  const Graph* graph_;
  std::vector<FactorInfo> factors_;  // and one past the end
  std::vector<TensorDim> factor_results_;
  std::vector<TensorId> factor_partials_;
  std::vector<FactorId> node_factor_begin_;
  std::vector<int32_t> node_use_begin_;
  std::vector<int32_t> use_begin_;
  std::vector<Use> uses_;
  std::vector<FactorId> use_factors_;
  std::vector<TensorId> replaces_;
  std::vector<Minor> minors_;  // by place, then outer
  std::vector<bool> is_border_;
};

}  // namespace automap

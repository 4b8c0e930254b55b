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

// A dimension of a tensor.
struct TensorDim {
  TensorId tensor = -1;
  int32_t dim = 0;
  auto operator<=>(const TensorDim&) const = default;
};

// Immutable. Built once for a graph in O(slots x rank); independent of axis sizes and decisions.
class Wiring {
 public:
  struct FactorInfo {
    NodeId node = -1;
    FactorKind kind = FactorKind::kPass;
    bool is_reduce = false;  // the summed dimension of a `reduce`, for the paper rule
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
  void AddFactors(NodeId node, const FactorRule& rule);

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
};

}  // namespace automap

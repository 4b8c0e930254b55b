// Which annotations hold the reads of a plan, gathered on a walk over the module.
#pragma once

#include <set>

#include "planner/exporters/annotate.h"
#include "planner/plan/prepared_module.h"
#include "planner/propagation/propagation.h"

namespace automap {

// Told of every instruction once for each call site (ValueVisitor); where call sites disagree,
// there is no annotation. Annotated are: reads of a part of a value, values taken out of tuples
// (they are no operations of their own to XLA's importer), and the arrays that a loop begins and
// goes on with.
class AnnotationCollector {
 public:
  AnnotationCollector(const PreparedModule& module, absl::Span<const Propagation* const> axes)
      : graph_(module.graph()), index_(graph_.module().index), axes_(axes) {}

  // O(operands) but for the map.
  void Visit(const ComputationIndex& computation, int32_t instruction,
             absl::Span<const TensorId> leaves);
  Annotations Take() &&;

 private:
  using Read = std::tuple<int, int, int>;

  void HoldState(const ComputationIndex& computation, int32_t tuple,
                 absl::Span<const TensorId> state);
  void HoldReads(int32_t place, int32_t instruction, NodeId node);
  void KeepRead(const Read& place, const xla::OpSharding& sharding, bool is_needed);

  const Graph& graph_;
  const ModuleIndex& index_;
  const absl::Span<const Propagation* const> axes_;
  Annotations annotations_;  // of reads: all
  std::set<Read> needed_;    // those that differ from the value
};

}  // namespace automap

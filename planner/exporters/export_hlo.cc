#include "planner/exporters/export_hlo.h"

#include <set>

#include "base/gzip.h"
#include "base/status_macros.h"
#include "planner/exporters/annotation_collector.h"
#include "planner/exporters/op_sharding.h"
#include "planner/exporters/splice.h"
#include "planner/graph/build_graph.h"
#include "planner/hlo/gunzip.h"
#include "planner/hlo/read_module.h"

namespace automap {
namespace {

constexpr uint32_t kShardingField = 40;  // HloInstructionProto.sharding

std::string AsField(const xla::OpSharding& sharding) {
  xla::HloInstructionProto carrier;
  *carrier.mutable_sharding() = sharding;
  return carrier.SerializeAsString();
}

// Whether a tuple of this opcode only groups arrays that have shardings of their own. XLA's
// importer refuses some of these, and its loop passes change their elements without their
// shardings.
bool OnlyNames(Opcode opcode) {
  switch (opcode) {
    case Opcode::kTuple:
    case Opcode::kParameter:
    case Opcode::kWhile:
    case Opcode::kConditional:
    case Opcode::kCall:
    case Opcode::kOptBarrier:
      return true;
    default:
      return false;
  }
}

// Collects one sharding per instruction; call sites that disagree leave none.
class ShardingCollector {
 public:
  ShardingCollector(const PreparedModule& module, absl::Span<const Propagation* const> axes,
                    Pins pins)
      : module_(module), index_(module.graph().module().index), axes_(axes), pins_(pins) {
    for (const ComputationIndex& computation : index_.computations) {
      for (const int32_t caller : computation.callers) {
        if (computation.opcodes[caller] != Opcode::kCall) continue;
        called_.insert(index_.Callee(computation.instruction(caller), 0));
      }
    }
  }

  void Visit(const ComputationIndex& computation, int32_t instruction,
             absl::Span<const TensorId> leaves) {
    const int32_t place = index_.Find(computation.proto->id());
    const bool is_root = place == index_.entry && instruction == computation.root;
    const bool is_parameter =
        place == index_.entry && computation.opcodes[instruction] == Opcode::kParameter;
    const bool is_tuple = computation.instruction(instruction).shape().element_type() == xla::TUPLE;
    const bool is_result = instruction == computation.root && called_.contains(&computation);
    const bool is_name = is_tuple && OnlyNames(computation.opcodes[instruction]) && !is_result;
    if (!is_root && !is_parameter && (pins_ == Pins::kBorder || is_name)) return;
    std::vector<TensorId> stored(leaves.begin(), leaves.end());
    for (size_t leaf = 0; is_root && leaf < stored.size(); ++leaf) {
      stored[leaf] = module_.StoredAs(leaf);
    }
    std::string field = AsField(ValueSharding(is_tuple, stored, axes_));
    const auto [found, is_new] = fields_.try_emplace({place, instruction}, field);
    if (!is_new && found->second != field) found->second.clear();
  }

  InstructionFields Fields() && {
    std::erase_if(fields_, [](const auto& entry) { return entry.second.empty(); });
    return std::move(fields_);
  }

 private:
  const PreparedModule& module_;
  const ModuleIndex& index_;
  const absl::Span<const Propagation* const> axes_;
  const Pins pins_;
  std::set<const ComputationIndex*> called_;  // their results take the root's sharding
  InstructionFields fields_;
};

}  // namespace

absl::StatusOr<std::string> ExportHlo(absl::string_view bytes, const PreparedModule& module,
                                      absl::Span<const Propagation* const> axes, Pins pins) {
  std::string inflated;
  if (IsGzip(bytes)) {
    ASSIGN_OR_RETURN(inflated, Gunzip(bytes, ReadLimits{}.max_bytes));
    bytes = inflated;
  }
  const HloModule& hlo = module.graph().module();
  ShardingCollector collector(module, axes, pins);
  AnnotationCollector annotations(module, axes);
  HloModule again = hlo;  // shares the message; tensors come out with the same numbers
  const ValueVisitor visit = [&](const ComputationIndex& computation, int32_t instruction,
                                 absl::Span<const TensorId> leaves) {
    collector.Visit(computation, instruction, leaves);
    if (pins == Pins::kReads) annotations.Visit(computation, instruction, leaves);
  };
  RETURN_IF_ERROR(BuildGraph(std::move(again), visit).status());
  const std::string written =
      hlo.format == ModuleFormat::kProto ? std::string() : hlo.proto->SerializeAsString();
  ASSIGN_OR_RETURN(const std::string pinned,
                   SpliceInstructions(written.empty() ? bytes : written, kShardingField,
                                      std::move(collector).Fields()));
  if (pins != Pins::kReads) return pinned;
  ASSIGN_OR_RETURN(const HloModule plain, ReadModule(pinned));
  xla::HloModuleProto annotated = *plain.proto;
  Annotate(std::move(annotations).Take(), annotated);
  return annotated.SerializeAsString();
}

}  // namespace automap

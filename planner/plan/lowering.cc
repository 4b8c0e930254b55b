#include "planner/plan/lowering.h"

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "planner/graph/element_type.h"
#include "planner/plan/communication.h"
#include "planner/plan/feeds_products.h"
#include "planner/plan/kernel_shape.h"
#include "planner/plan/lifetimes.h"
#include "planner/plan/memory_order.h"
#include "planner/plan/recomputed.h"
#include "planner/plan/work.h"

namespace automap {
namespace {

NumberType NumberTypeOf(int primitive_type) {
  switch (primitive_type) {
    case xla::F16:
      return NumberType::kF16;
    case xla::BF16:
      return NumberType::kBF16;
    case xla::F64:
    case xla::C64:
    case xla::C128:
      return NumberType::kF64;
    case xla::S8:
    case xla::U8:
      return NumberType::kS8;
    case xla::F8E5M2:
    case xla::F8E4M3FN:
    case xla::F8E4M3:
    case xla::F8E4M3B11FNUZ:
    case xla::F8E5M2FNUZ:
    case xla::F8E4M3FNUZ:
      return NumberType::kF8;
    default:
      return NumberType::kF32;
  }
}

// The operand whose memory the result takes over, or -1.
int RenamedOperand(Opcode opcode) {
  switch (opcode) {
    case Opcode::kReshape:
    case Opcode::kBitcast:
    case Opcode::kDynamicUpdateSlice:
    case Opcode::kScatter:
      return 0;
    default:
      return -1;
  }
}

// Whether an operation reads only as many bytes of operand 0 as it writes.
bool ReadsSlice(Opcode opcode) {
  return opcode == Opcode::kGather || opcode == Opcode::kDynamicSlice || opcode == Opcode::kSlice;
}

bool UpdatesInPlace(Opcode opcode) {
  return opcode == Opcode::kDynamicUpdateSlice || opcode == Opcode::kScatter;
}

BufferRole BufferRoleOf(Role role) {
  switch (role) {
    case Role::kVariable:
      return BufferRole::kVariable;
    case Role::kOptimizerState:
      return BufferRole::kOptimizerState;
    case Role::kOtherState:
      return BufferRole::kOtherState;
    case Role::kInput:
    case Role::kConstant:
      return BufferRole::kInput;
  }
  return BufferRole::kInput;
}

}  // namespace

double PartsOf(int64_t size, int64_t axis_size) {
  const int64_t block = (size + axis_size - 1) / axis_size;
  return static_cast<double>(size) / static_cast<double>(std::max<int64_t>(1, block));
}

double PartsOf(const Wiring::FactorInfo& factor, int64_t axis_size) {
  return factor.is_even ? PartsOf(factor.size, axis_size) : static_cast<double>(axis_size);
}

double PartsOf(TensorId tensor, absl::Span<const Propagation* const> axes) {
  double parts = 1;
  for (const Propagation* axis : axes) {
    const TensorDim split = axis->split(tensor);
    if (split.dim < 0) continue;
    const int64_t size = axis->wiring().graph().tensor(tensor).dims[split.dim] / split.outer;
    const int64_t ways = axis->options().axis_size;
    parts *= size % ways == 0 ? static_cast<double>(ways) : PartsOf(size, ways);
  }
  return parts;
}

Lowering::Lowering(const Wiring& wiring, const Roles& roles)
    : wiring_(&wiring),
      graph_(&wiring.graph()),
      feeds_products_(automap::FeedsProducts(wiring.graph())) {
  MeasureSizes();
  FindStorage();
  MarkMaterialized();
  MeasureWork();
  FindLifetimes(roles);
  for (const Buffer& buffer : buffers_)
    if (buffer.role == BufferRole::kVariable) variables_ += buffer.bytes;
}

void Lowering::MeasureSizes() {
  sizes_.reserve(graph_->tensor_count());
  for (TensorId tensor = 0; tensor < graph_->tensor_count(); ++tensor) {
    const Tensor& array = graph_->tensor(tensor);
    double bits = ElementBits(array.type);
    for (const int64_t size : array.shape()) bits *= size;
    sizes_.push_back({bits / 8});
  }
}

void Lowering::FindStorage() {
  storage_.of.resize(graph_->tensor_count());
  for (TensorId tensor = 0; tensor < graph_->tensor_count(); ++tensor) storage_.of[tensor] = tensor;
  for (NodeId node = 0; node < graph_->node_count(); ++node) {
    const int operand = RenamedOperand(graph_->node(node).opcode);
    if (operand >= 0)
      storage_.of[graph_->results(node)[0]] = storage_.of[graph_->operands(node)[operand]];
  }
}

void Lowering::MarkMaterialized() {
  std::vector<int32_t> reader_count(graph_->tensor_count(), 0);  // by storage
  std::vector<bool> only_maps(graph_->tensor_count(), true);
  for (NodeId node = 0; node < graph_->node_count(); ++node) {
    const Opcode opcode = graph_->node(node).opcode;
    if (opcode == Opcode::kReshape || !graph_->node(node).is_live) continue;
    const bool is_map = IsCheapMap(opcode) || opcode == Opcode::kReduce;
    for (const TensorId operand : graph_->operands(node)) {
      ++reader_count[storage_.of[operand]];
      only_maps[storage_.of[operand]] = only_maps[storage_.of[operand]] && is_map;
    }
  }
  for (const Leaf& output : graph_->outputs()) only_maps[storage_.of[output.tensor]] = false;
  storage_.is_materialized.assign(graph_->tensor_count(), true);
  for (NodeId node = 0; node < graph_->node_count(); ++node) {
    const Opcode opcode = graph_->node(node).opcode;
    if (!IsCheapMap(opcode) || opcode == Opcode::kReshape) continue;
    const TensorId result = graph_->results(node)[0];
    if (only_maps[result] && (reader_count[result] <= 1 || IsGenerator(opcode)))
      storage_.is_materialized[result] = false;
  }
}

void Lowering::MeasureWork() {
  work_.resize(graph_->node_count());
  for (NodeId node = 0; node < graph_->node_count(); ++node) {
    const Opcode opcode = graph_->node(node).opcode;
    NodeWork& work = work_[node];
    const bool renames = opcode == Opcode::kReshape || opcode == Opcode::kBitcast ||
                         opcode == Opcode::kWhile || opcode == Opcode::kConditional ||
                         opcode == Opcode::kConstant;
    if (renames || graph_->results(node).empty() || !graph_->node(node).is_live) continue;
    work.is_free = false;
    if (opcode == Opcode::kDot) work.kind = ComputeKind::kMatmul;
    if (opcode == Opcode::kConvolution) work.kind = ComputeKind::kConvolution;
    const auto operands = graph_->operands(node);
    work.type = NumberTypeOf(
        graph_->tensor(operands.empty() ? graph_->results(node)[0] : operands[0]).type);
    const Arithmetic arithmetic = ArithmeticOf(*graph_, node);
    work.flops = {arithmetic.flops + arithmetic.transcendentals};
    work.launches = 0;
    for (const TensorId result : graph_->results(node)) work.launches |= IsMaterialized(result);
  }
}

// A buffer lives from the node that fills it to its last use. Parameters live throughout, and new
// values of parameters take their place.
void Lowering::FindLifetimes(const Roles& roles) {
  KeptArrays kept;
  kept.sizes = sizes_;
  Recomputed recomputed = WithoutRecomputed(*graph_, storage_, sizes_);
  kept.storage = std::move(recomputed.storage);
  reread_ = std::move(recomputed.reread);
  kept.is_new = NewArrays(kept.storage, roles);
  order_ = MemoryOrder(*graph_, kept);
  place_of_.resize(order_.size());
  for (size_t place = 0; place < order_.size(); ++place) place_of_[order_[place]] = place;
  const std::vector<int32_t> last_use = LastUses(*graph_, kept.storage, order_);
  buffer_of_.assign(graph_->tensor_count(), -1);
  const auto add = [&](TensorId tensor, int32_t first, int32_t last, BufferRole role) {
    buffer_of_[tensor] = buffers_.size();
    buffers_.push_back({sizes_[tensor], first, last, role, tensor});
  };
  const int32_t end = std::max(0, graph_->node_count() - 1);
  for (size_t p = 0; p < graph_->parameters().size(); ++p)
    add(graph_->parameters()[p].tensor, 0, end, BufferRoleOf(roles.of[p]));
  for (const NodeId node : order_) {
    if (!graph_->node(node).is_live) continue;
    const int32_t place = place_of_[node];
    for (const TensorId result : graph_->results(node)) {
      if (kept.is_new[result] && buffer_of_[result] < 0)
        add(result, place, std::max(place, last_use[result]), BufferRole::kActivation);
    }
  }
  for (TensorId tensor = 0; tensor < graph_->tensor_count(); ++tensor) {
    if (storage_.of[tensor] != tensor) buffer_of_[tensor] = buffer_of_[storage_.of[tensor]];
  }
}

// Arrays that are kept and neither parameters, nor in the place of one, nor constants.
std::vector<bool> Lowering::NewArrays(const Storage& kept, const Roles& roles) const {
  std::vector<bool> is_new(graph_->tensor_count(), false);
  for (NodeId node = 0; node < graph_->node_count(); ++node) {
    if (graph_->node(node).opcode == Opcode::kConstant) continue;
    for (const TensorId result : graph_->results(node))
      is_new[result] = kept.of[result] == result && kept.is_materialized[result];
  }
  for (const Leaf& parameter : graph_->parameters()) is_new[parameter.tensor] = false;
  for (size_t i = 0; i < graph_->outputs().size(); ++i) {
    if (roles.updated_parameter[i] >= 0) is_new[kept.of[graph_->outputs()[i].tensor]] = false;
  }
  return is_new;
}

ComputeStep Lowering::StepOf(NodeId node, absl::Span<const Propagation* const> axes) const {
  return StepOf(node, axes, -1, 1);
}

ComputeStep Lowering::StepOf(NodeId node, absl::Span<const Propagation* const> axes,
                             FactorId factor, double parts) const {
  const NodeWork& work = work_[node];
  ComputeStep step;
  step.kind = work.kind;
  step.type = work.type;
  step.flops = work.flops;
  step.repeats = graph_->node(node).trips;
  step.launches = work.launches;
  step.label = node;
  if (!scales_.empty()) step.scale = scales_[node];
  double node_parts = parts;
  for (const Propagation* axis : axes) {
    const FactorId selected = axis->selected(node);
    if (selected < 0) continue;
    node_parts *= PartsOf(wiring_->factor(selected), axis->options().axis_size);
  }
  step.split = static_cast<int32_t>(node_parts);
  step.flops = step.flops / node_parts;
  // How many ways a tensor with these dims' factors is cut in this node.
  const auto cut = [&](FactorId held) {
    double ways = held >= 0 && held == factor ? parts : 1;
    for (const Propagation* axis : axes) {
      if (held < 0 || axis->selected(node) != held) continue;
      ways *= PartsOf(wiring_->factor(held), axis->options().axis_size);
    }
    return ways;
  };
  const Opcode opcode = graph_->node(node).opcode;
  const auto factors = wiring_->operand_factors(node);
  size_t position = 0;
  Bytes written;
  for (const TensorId result : graph_->results(node)) {
    double ways = 1;
    for (const Propagation* axis : axes) {
      const FactorId selected = axis->selected(node);
      if (axis->split_dim(result) >= 0 && selected >= 0)
        ways *= PartsOf(wiring_->factor(selected), axis->options().axis_size);
    }
    if (factor >= 0) {
      for (const TensorDim& place : wiring_->split_results(factor))
        ways *= place.tensor == result ? parts : 1;
    }
    if (IsMaterialized(result) && !UpdatesInPlace(opcode)) written += SizeOf(result) / ways;
  }
  step.bytes = written;
  const auto operands = graph_->operands(node);
  absl::InlinedVector<double, 12> cuts;
  for (size_t i = 0; i < operands.size(); ++i) {
    double ways = 1;
    if (!factors.empty()) {
      for (int32_t dim = 0; dim < graph_->tensor(operands[i]).rank; ++dim) {
        cuts.push_back(cut(factors[position++]));
        ways *= cuts.back();
      }
    }
    if (!IsMaterialized(operands[i]) || (i == 0 && UpdatesInPlace(opcode))) continue;
    const Bytes read = SizeOf(operands[i]) * reread_[storage_.of[operands[i]]] / ways;
    const double writes = UpdatesInPlace(opcode) ? 2 : 1;
    step.bytes += i == 0 && ReadsSlice(opcode) ? std::min(read, written) : read * writes;
  }
  step.shape = KernelShapeOf(*graph_, node, cuts);
  return step;
}

Program Lowering::Lower(absl::Span<const Propagation* const> axes) const {
  Program program;
  program.steps.reserve(graph_->node_count());
  std::vector<int32_t> first_step_of(graph_->node_count() + 1);  // by place
  std::vector<PlacedCollective> collectives;  // in our order, those before a node's step first
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const auto found = CollectivesOf(*this, static_cast<int32_t>(axis), axes);
    collectives.insert(collectives.end(), found.begin(), found.end());
  }
  std::stable_sort(collectives.begin(), collectives.end(), [this](const auto& a, const auto& b) {
    return std::make_pair(place_of_[a.node], !a.is_before) <
           std::make_pair(place_of_[b.node], !b.is_before);
  });
  auto next = collectives.begin();
  for (const NodeId node : order_) {
    first_step_of[place_of_[node]] = program.steps.size();
    for (; next != collectives.end() && next->node == node && next->is_before; ++next) {
      program.steps.push_back(next->step);
      std::get<CollectiveStep>(program.steps.back()).label = node;
    }
    if (HasStep(node)) program.steps.push_back(StepOf(node, axes));
    for (; next != collectives.end() && next->node == node; ++next) {
      program.steps.push_back(next->step);
      std::get<CollectiveStep>(program.steps.back()).label = node;
    }
  }
  if (program.steps.empty()) program.steps.push_back(ComputeStep{});
  const int32_t last = program.steps.size() - 1;
  first_step_of[graph_->node_count()] = last + 1;
  program.buffers = buffers_;
  for (Buffer& buffer : program.buffers) buffer.bytes = buffer.bytes / PartsOf(buffer.label, axes);
  for (const PlacedCollective& moved : collectives) {
    if (const auto copy = GatheredCopy(*this, moved)) program.buffers.push_back(*copy);
  }
  for (Buffer& buffer : program.buffers) {
    buffer.first_step = std::min(first_step_of[buffer.first_step], last);
    buffer.last_step = std::clamp(first_step_of[buffer.last_step + 1] - 1, buffer.first_step, last);
  }
  return program;
}

}  // namespace automap

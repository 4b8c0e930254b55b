#include "tests/support/interpreter/sharded.h"

#include "absl/strings/str_cat.h"
#include "planner/rules/reducer.h"
#include "tests/support/interpreter/scalars.h"

namespace automap::interpreter {
namespace {

Operation OperationOf(const Graph& graph, NodeId node) {
  Operation operation;
  operation.graph = &graph;
  operation.node = node;
  operation.opcode = graph.node(node).opcode;
  operation.instruction = graph.node(node).instruction;
  return operation;
}

// What a device adds to a scatter's operand when another one holds its values.
double IdentityOf(Reducer reducer, int type) {
  switch (reducer) {
    case Reducer::kMultiply:
      return 1;
    case Reducer::kMinimum:
      return 1e6;
    case Reducer::kMaximum:
      return -1e6;
    case Reducer::kAnd:
      return type == xla::PRED ? 1 : -1;
    default:
      return 0;
  }
}

bool HasReducer(const Operation& operation) {
  return operation.opcode == Opcode::kReduce || operation.opcode == Opcode::kScatter;
}

// Whether its reducer takes more than two numbers.
bool CombinesSeveral(const Operation& operation) {
  return HasReducer(operation) &&
         operation.graph->Callee(*operation.instruction, 0)->parameters.size() > 2;
}

Array Combined(const Operation& operation, const std::vector<Array>& parts) {
  Array sum = parts[0];
  const bool has_reducer = HasReducer(operation);
  for (size_t p = 1; p < parts.size(); ++p) {
    for (size_t i = 0; i < sum.values.size(); ++i) {
      Number& value = sum.values[i];
      value = has_reducer ? Apply(*operation.graph, *operation.instruction, 0,
                                  {value, parts[p].values[i]})[0]
                          : value + parts[p].values[i];
    }
  }
  return sum;
}

// One device's operation for each part.
std::vector<Operation> Split(const Graph& graph, NodeId node, const std::vector<int>& dims,
                             int64_t parts, const std::vector<Array>& operands) {
  std::vector<Operation> operations;
  for (int64_t part = 0; part < parts; ++part) {
    Operation operation = OperationOf(graph, node);
    for (size_t i = 0; i < operands.size(); ++i) {
      operation.operands.push_back(BlockOf(operands[i], dims[i], part, parts));
    }
    const auto results = graph.results(node);
    for (size_t r = 0; r < results.size(); ++r) {
      const Tensor& tensor = graph.tensor(results[r]);
      operation.results.push_back(
          PlaceOf(tensor.type, DimsOf(tensor), dims[operands.size() + r], part, parts));
    }
    operations.push_back(std::move(operation));
  }
  return operations;
}

// Devices exchange what the operation needs of each other before it can go on.
void Exchange(std::vector<Operation>& devices) {
  std::vector<Array> sums = BatchNormSums(devices[0]);
  for (size_t d = 1; d < devices.size(); ++d) {
    const std::vector<Array> more = BatchNormSums(devices[d]);
    for (size_t s = 0; s < sums.size(); ++s) {
      for (size_t i = 0; i < sums[s].values.size(); ++i) sums[s].values[i] += more[s].values[i];
    }
  }
  for (Operation& device : devices) device.sums = sums;
}

// Only one device counts the operand of a scatter.
void KeepOperandOnFirst(std::vector<Operation>& devices) {
  const Reducer reducer = ReducerOf(*devices[0].graph, *devices[0].instruction);
  for (size_t d = 1; d < devices.size(); ++d) {
    Array& operand = devices[d].operands[0].array;
    for (Number& value : operand.values) value = IdentityOf(reducer, operand.type);
  }
}

}  // namespace

std::vector<int> DimsOfFactor(const Graph& graph, NodeId node, const FactorRule& rule, int factor) {
  std::vector<int> dims;
  size_t position = 0;
  const auto add = [&](TensorId tensor) {
    dims.push_back(-1);
    for (int d = 0; d < graph.tensor(tensor).rank; ++d) {
      if (rule.dims[position++] == factor) dims.back() = d;
    }
  };
  for (const TensorId tensor : graph.operands(node)) add(tensor);
  for (const TensorId tensor : graph.results(node)) add(tensor);
  return dims;
}

std::vector<Array> RunWhole(const Graph& graph, NodeId node, const std::vector<Array>& operands) {
  const std::vector<int> nowhere(operands.size() + graph.results(node).size(), -1);
  std::vector<Array> results = Evaluate(Split(graph, node, nowhere, 1, operands)[0]);
  if (IsArithmetic(graph.node(node).opcode)) {
    for (Array& result : results) Settle(result);
  }
  return results;
}

absl::StatusOr<std::vector<Array>> RunSplit(const Graph& graph, NodeId node, const FactorRule& rule,
                                            int factor, int64_t parts,
                                            const std::vector<Array>& operands) {
  const std::vector<int> dims = DimsOfFactor(graph, node, rule, factor);
  std::vector<Operation> devices = Split(graph, node, dims, parts, operands);
  const bool is_sum = rule.factors[factor].kind == FactorKind::kSum;
  const Opcode opcode = graph.node(node).opcode;
  const bool is_statistic = !BatchNormSums(devices[0]).empty();
  if (is_sum && is_statistic) Exchange(devices);
  if (is_sum && opcode == Opcode::kScatter) KeepOperandOnFirst(devices);
  std::vector<std::vector<Array>> blocks;  // by result, then device
  for (const Operation& device : devices) {
    std::vector<Array> results = Evaluate(device);
    blocks.resize(results.size());
    for (size_t r = 0; r < results.size(); ++r) blocks[r].push_back(std::move(results[r]));
  }
  std::vector<Array> results;
  for (size_t r = 0; r < blocks.size(); ++r) {
    const int dim = dims[operands.size() + r];
    if (dim >= 0) {
      results.push_back(Joined(blocks[r], dim));
    } else if (is_sum && !is_statistic) {
      if (CombinesSeveral(devices[0])) {
        return absl::InvalidArgumentError("results that are reduced together are no sums alone");
      }
      results.push_back(Combined(devices[0], blocks[r]));
    } else {
      for (const Array& block : blocks[r]) {
        if (block == blocks[r][0]) continue;
        return absl::InternalError(absl::StrCat("devices disagree on result ", r));
      }
      results.push_back(blocks[r][0]);
    }
    if (IsArithmetic(opcode)) Settle(results.back());
  }
  return results;
}

}  // namespace automap::interpreter

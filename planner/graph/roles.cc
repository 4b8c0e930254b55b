#include "planner/graph/roles.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/graph/element_type.h"

namespace automap {
namespace {

// How far back from a result its parameter is looked for, in element-wise operations.
constexpr int kMaxPairingDistance = 64;

bool SameShape(const Tensor& a, const Tensor& b) {
  return a.type == b.type && a.shape() == b.shape();
}

// Tensors that have been seen by the present walk, without clearing between walks.
class Visited {
 public:
  explicit Visited(int32_t count) : stamp_(count, 0) {}
  void Restart() { ++now_; }
  bool Insert(int32_t id) { return stamp_[id] != now_ && (stamp_[id] = now_, true); }

 private:
  std::vector<int32_t> stamp_;
  int32_t now_ = 0;
};

class RoleInference {
 public:
  RoleInference(const Graph& graph, const RoleOptions& options)
      : graph_(graph),
        options_(options),
        visited_(graph.tensor_count()),
        parameter_of_(graph.tensor_count(), -1),
        producers_begin_(graph.tensor_count() + 1, 0) {
    for (size_t i = 0; i < graph.parameters().size(); ++i)
      parameter_of_[graph.parameters()[i].tensor] = i;
    IndexProducers();
  }

  Roles Infer() {
    const size_t count = graph_.parameters().size();
    roles_.of.assign(count, Role::kInput);
    roles_.reason.assign(count, "");
    for (const Leaf& leaf : graph_.parameters()) roles_.names.push_back(leaf.name);
    PairOutputs();
    std::vector<int32_t> updated_by(count, -1);
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      if (roles_.updated_parameter[i] >= 0) updated_by[roles_.updated_parameter[i]] = i;
    }
    const std::vector<bool> feeds_loss = ReachesLoss();
    std::vector<TensorId> new_variables;
    for (size_t p = 0; p < count; ++p) {
      if (updated_by[p] < 0 || !IsVariable(p, updated_by[p], feeds_loss)) continue;
      roles_.of[p] = Role::kVariable;
      new_variables.push_back(graph_.outputs()[updated_by[p]].tensor);
      roles_.reason[p] = absl::StrCat(Replaced(updated_by[p]), "; the loss depends on it");
    }
    const std::vector<bool> feeds_variables = Ancestors(new_variables);
    for (size_t p = 0; p < count; ++p) {
      if (roles_.of[p] != Role::kVariable)
        DecideOther(p, updated_by[p], feeds_variables, feeds_loss);
    }
    return std::move(roles_);
  }

 private:
  // Nodes that produce each tensor: one, or several for carried and conditional arrays.
  void IndexProducers() {
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      for (const TensorId result : graph_.results(node)) ++producers_begin_[result + 1];
    }
    for (int32_t i = 0; i < graph_.tensor_count(); ++i)
      producers_begin_[i + 1] += producers_begin_[i];
    producers_.resize(producers_begin_.back());
    std::vector<int32_t> next(producers_begin_.begin(), producers_begin_.end() - 1);
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      for (const TensorId result : graph_.results(node)) producers_[next[result]++] = node;
    }
  }

  absl::Span<const NodeId> producers(TensorId tensor) const {
    return absl::MakeConstSpan(producers_)
        .subspan(producers_begin_[tensor], producers_begin_[tensor + 1] - producers_begin_[tensor]);
  }

  struct Pairing {
    int32_t parameter = -1;
    int distance = kMaxPairingDistance + 1;
  };

  // The nearest parameter of the output's shape, breadth first through element-wise operations and
  // reshapes. Among equally near ones the declared alias wins, then the first operand.
  Pairing Nearest(const Leaf& output, int32_t declared) {
    visited_.Restart();
    std::vector<TensorId> frontier = {output.tensor};
    visited_.Insert(output.tensor);
    for (int distance = 0; distance <= kMaxPairingDistance && !frontier.empty(); ++distance) {
      int32_t found = -1;
      for (const TensorId tensor : frontier) {
        const int32_t parameter = parameter_of_[tensor];
        if (parameter < 0 || !SameShape(graph_.tensor(tensor), graph_.tensor(output.tensor)))
          continue;
        if (found < 0 || parameter == declared) found = parameter;
      }
      if (found >= 0) return {found, distance};
      std::vector<TensorId> next;
      for (const TensorId tensor : frontier) AppendElementwiseOperands(tensor, next);
      frontier = std::move(next);
    }
    return {};
  }

  void AppendElementwiseOperands(TensorId tensor, std::vector<TensorId>& next) {
    for (const NodeId node : producers(tensor)) {
      const Opcode opcode = graph_.node(node).opcode;
      if (!IsElementwise(opcode) && opcode != Opcode::kReshape) continue;
      for (const TensorId operand : graph_.operands(node)) {
        const bool is_full = graph_.tensor(operand).rank > 0 || graph_.tensor(tensor).rank == 0;
        if (is_full && visited_.Insert(operand)) next.push_back(operand);
      }
    }
  }

  void PairOutputs() {
    const auto& outputs = graph_.outputs();
    roles_.updated_parameter.assign(outputs.size(), -1);
    std::vector<Pairing> best(
        graph_.parameters().size());  // by parameter; `parameter` is the output here
    for (size_t i = 0; i < outputs.size(); ++i) {
      const int32_t declared = graph_.declared_aliases()[i];
      Pairing pairing = Nearest(outputs[i], declared);
      if (pairing.parameter < 0) pairing.parameter = declared;
      if (pairing.parameter < 0) continue;
      Pairing& rival = best[pairing.parameter];
      if (rival.parameter >= 0 && rival.distance <= pairing.distance) continue;
      if (rival.parameter >= 0) roles_.updated_parameter[rival.parameter] = -1;
      rival = {static_cast<int32_t>(i), pairing.distance};
      roles_.updated_parameter[i] = pairing.parameter;
    }
  }

  // By parameter: whether any of `targets` depends on it.
  std::vector<bool> Ancestors(std::vector<TensorId> targets) {
    visited_.Restart();
    for (const TensorId target : targets) visited_.Insert(target);
    std::vector<bool> reached(graph_.parameters().size(), false);
    ancestor_count_ = 0;
    while (!targets.empty()) {
      const TensorId tensor = targets.back();
      targets.pop_back();
      ++ancestor_count_;
      if (parameter_of_[tensor] >= 0) reached[parameter_of_[tensor]] = true;
      for (const NodeId node : producers(tensor)) {
        for (const TensorId operand : graph_.operands(node)) {
          if (visited_.Insert(operand)) targets.push_back(operand);
        }
      }
    }
    return reached;
  }

  // The loss is the scalar float result, replacing no parameter, that most of the graph leads to.
  // Without one, no parameter feeds it and IsVariable falls back on how parameters are read.
  std::vector<bool> ReachesLoss() {
    std::vector<bool> best;
    int64_t most = 0;
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      const Tensor& tensor = graph_.tensor(graph_.outputs()[i].tensor);
      if (roles_.updated_parameter[i] >= 0 || tensor.rank > 0 || !IsFloat(tensor.type)) continue;
      std::vector<bool> reached = Ancestors({graph_.outputs()[i].tensor});
      if (ancestor_count_ <= most) continue;
      most = ancestor_count_;
      best = std::move(reached);
    }
    return best;
  }

  bool IsVariable(size_t parameter, int32_t updated_by, const std::vector<bool>& feeds_loss) const {
    const TensorId tensor = graph_.parameters()[parameter].tensor;
    if (!IsFloat(graph_.tensor(tensor).type)) return false;
    if (graph_.outputs()[updated_by].tensor == tensor) return false;  // handed back unchanged
    if (!feeds_loss.empty()) return feeds_loss[parameter];
    for (const NodeId reader : graph_.readers(tensor)) {
      if (!IsElementwise(graph_.node(reader).opcode) && graph_.tensor(tensor).rank > 0) return true;
    }
    return false;
  }

  void DecideOther(size_t p, int32_t updated_by, const std::vector<bool>& feeds_variables,
                   const std::vector<bool>& feeds_loss) {
    const Tensor& tensor = graph_.tensor(graph_.parameters()[p].tensor);
    const bool in_optimizer = options_.use_names && NamesOptimizer(graph_.parameters()[p].name);
    if (updated_by >= 0) {
      const bool steers =
          in_optimizer || (feeds_variables[p] && (feeds_loss.empty() || !feeds_loss[p]));
      roles_.of[p] = steers ? Role::kOptimizerState : Role::kOtherState;
      roles_.reason[p] = absl::StrCat(Replaced(updated_by),
                                      in_optimizer ? "; named in the optimizer's state"
                                      : steers ? "; new variables depend on it, the loss does not"
                                               : "; no gradient step changes it");
    } else if (tensor.rank == 0 && IsFloat(tensor.type)) {
      roles_.of[p] = Role::kConstant;
      roles_.reason[p] = "a scalar that no result replaces";
    } else {
      roles_.of[p] = Role::kInput;
      roles_.reason[p] = "no result replaces it";
    }
  }

  static bool NamesOptimizer(const std::string& name) {
    for (const char* word : {"opt_state", "optimizer", "momentum", "velocity", "adam"}) {
      if (absl::StrContains(name, word)) return true;
    }
    return false;
  }

  std::string Replaced(int32_t output) const {
    const int32_t parameter = roles_.updated_parameter[output];
    const bool declared = graph_.declared_aliases()[output] == parameter;
    return absl::StrCat("replaced by output ", graph_.outputs()[output].number,
                        declared ? " (declared alias)" : " (by dataflow)");
  }

  const Graph& graph_;
  const RoleOptions options_;
  Visited visited_;
  std::vector<int32_t> parameter_of_;  // by tensor
  std::vector<int32_t> producers_begin_;
  std::vector<NodeId> producers_;
  int64_t ancestor_count_ = 0;
  Roles roles_;
};

absl::Status Apply(const Graph& graph, const std::vector<GivenRole>& given, Roles& roles) {
  for (size_t i = 0; i < given.size(); ++i) {
    const GivenRole& role = given[i];
    bool found = false;
    for (size_t p = 0; p < graph.parameters().size(); ++p) {
      if (graph.parameters()[p].number != role.parameter_number) continue;
      found = true;
      if (!role.name.empty()) roles.names[p] = role.name;
      if (role.role) {
        roles.of[p] = *role.role;
        roles.reason[p] = "given";
      }
      if (!role.updated_by) continue;
      bool updated = false;
      for (size_t o = 0; o < graph.outputs().size(); ++o) {
        if (graph.outputs()[o].number == *role.updated_by &&
            graph.outputs()[o].leaf_index == graph.parameters()[p].leaf_index) {
          if (!SameShape(graph.tensor(graph.outputs()[o].tensor),
                         graph.tensor(graph.parameters()[p].tensor))) {
            return absl::InvalidArgumentError(
                absl::StrCat("roles[", i, "].updated_by: output ", *role.updated_by,
                             " has another shape than parameter ", role.parameter_number));
          }
          roles.updated_parameter[o] = p;
          updated = true;
        } else if (roles.updated_parameter[o] == static_cast<int32_t>(p)) {
          roles.updated_parameter[o] = -1;
        }
      }
      if (!updated) {
        return absl::InvalidArgumentError(absl::StrCat(
            "roles[", i, "].updated_by: ", *role.updated_by, ", the module has no such output"));
      }
    }
    if (!found) {
      return absl::InvalidArgumentError(absl::StrCat(
          "roles[", i, "].index: ", role.parameter_number, ", the module has no such parameter"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kVariable:
      return "VARIABLE";
    case Role::kOptimizerState:
      return "OPTIMIZER_STATE";
    case Role::kOtherState:
      return "OTHER_STATE";
    case Role::kInput:
      return "INPUT";
    case Role::kConstant:
      return "CONSTANT";
  }
  return "UNKNOWN";
}

absl::StatusOr<Roles> InferRoles(const Graph& graph, const std::vector<GivenRole>& given,
                                 const RoleOptions& options) {
  Roles roles = RoleInference(graph, options).Infer();
  RETURN_IF_ERROR(Apply(graph, given, roles));
  return roles;
}

}  // namespace automap

#include "planner/plan/describe_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/canonical_bytes.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "planner/graph/element_type.h"
#include "planner/plan/describe_reshards.h"
#include "planner/plan/semantics_proto.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/doubt.h"

namespace automap {
namespace {

using Axes = std::vector<const Propagation*>;

void FillSharding(const PreparedModule& module, const Decisions& decisions, const Axes& axes,
                  TensorId tensor, v1::Plan::Sharding& sharding) {
  const Tensor& array = module.graph().tensor(tensor);
  sharding.set_dtype(ElementTypeName(array.type));
  for (int dim = 0; dim < array.rank; ++dim) {
    sharding.add_shape(static_cast<uint32_t>(array.dims[dim]));
    std::string names;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      if (axes[axis]->split_dim(tensor) != dim) continue;
      absl::StrAppend(&names, names.empty() ? "" : ",", decisions.axes[axis].name);
    }
    sharding.add_dim_axes(names);
  }
}

void FillShardings(const PreparedModule& module, const Decisions& decisions, const Axes& axes,
                   v1::Plan& plan) {
  const Graph& graph = module.graph();
  for (size_t p = 0; p < graph.parameters().size(); ++p) {
    const Leaf& leaf = graph.parameters()[p];
    v1::Plan::Sharding& sharding = *plan.add_shardings();
    sharding.set_parameter_number(leaf.number);
    if (leaf.leaf_index >= 0) sharding.set_leaf_index(leaf.leaf_index);
    sharding.set_name(module.roles().names[p]);
    sharding.set_role(
        static_cast<v1::Plan::Sharding::Role>(static_cast<int>(module.roles().of[p]) + 1));
    FillSharding(module, decisions, axes, leaf.tensor, sharding);
  }
  for (size_t o = 0; o < graph.outputs().size(); ++o) {
    const Leaf& leaf = graph.outputs()[o];
    v1::Plan::Sharding& sharding = *plan.add_outputs();
    sharding.set_output_number(leaf.number);
    if (leaf.leaf_index >= 0) sharding.set_leaf_index(leaf.leaf_index);
    const int32_t updated = module.roles().updated_parameter[o];
    sharding.set_name(updated >= 0 ? absl::StrCat("new ", module.roles().names[updated])
                                   : leaf.name);
    FillSharding(module, decisions, axes, module.StoredAs(o), sharding);
  }
}

void FillCost(const PreparedModule& module, const Decisions& decisions,
              const Evaluation& evaluation, v1::Plan::Cost& cost) {
  cost.set_fits(evaluation.fits());
  cost.set_step_time_s(evaluation.step_time.value);
  cost.set_compute_s(evaluation.compute.value);
  cost.set_communication_s(evaluation.communication.value);
  cost.set_network_s(evaluation.network.value);
  FillInterval(cost);
  cost.set_utilization(evaluation.utilization);
  cost.set_peak_memory_bytes(static_cast<int64_t>(evaluation.memory.bytes.value));
  cost.set_memory_limit_bytes(static_cast<int64_t>(evaluation.memory_limit.value));
  const auto& by_role = evaluation.memory.by_role;
  const auto of = [&](BufferRole role) {
    return static_cast<int64_t>(by_role[static_cast<int>(role)].value);
  };
  cost.set_parameter_bytes(of(BufferRole::kVariable));
  cost.set_optimizer_bytes(of(BufferRole::kOptimizerState));
  cost.set_activation_bytes(of(BufferRole::kActivation));
  for (const CollectiveTotal& total : evaluation.collectives) {
    v1::Plan::Collective& collective = *cost.add_collectives();
    collective.set_kind(static_cast<v1::Plan::Collective::Kind>(static_cast<int>(total.kind) + 1));
    collective.set_axis(decisions.axes[total.axis].name);
    collective.set_count(total.count);
    collective.set_bytes(static_cast<int64_t>(total.bytes.value));
    collective.set_time_s(total.time.value);
  }
  for (const Buffer& buffer : evaluation.memory.largest) {
    v1::Plan::LargeTensor& tensor = *cost.add_largest_tensors();
    tensor.set_name(LabelOf(module, buffer.label));
    tensor.set_bytes(static_cast<int64_t>(buffer.bytes.value));
  }
}

std::string GiB(double bytes) { return absl::StrFormat("%.1f GiB", bytes / (1 << 30)); }

void FillWarnings(const PreparedModule& module, const Cluster& cluster, int32_t used,
                  v1::Plan& plan) {
  for (const std::string& remark : module.graph().remarks()) plan.add_warnings(remark);
  if (used < cluster.device_count()) {
    plan.add_warnings(absl::StrCat(cluster.device_count() - used, " of ", cluster.device_count(),
                                   " devices stay idle: as replicas they would save no time"));
  }
  if (!plan.cost().fits()) {
    plan.add_warnings(absl::StrCat("does not fit: needs ", GiB(plan.cost().peak_memory_bytes()),
                                   " per device, ", GiB(plan.cost().memory_limit_bytes()),
                                   " are there; try more devices or pipeline stages"));
  }
}

}  // namespace

std::string ClusterDigest(const v1::Cluster& cluster) { return Sha256Hex(CanonicalBytes(cluster)); }

absl::StatusOr<v1::Plan> DescribePlan(const PreparedModule& module,
                                      const v1::Cluster& cluster_proto, const Decisions& decisions,
                                      const v1::Plan::Semantics& semantics) {
  ASSIGN_OR_RETURN(const Cluster cluster, ClusterFromProto(cluster_proto));
  ASSIGN_OR_RETURN(const CostModel model, CostModel::Create(cluster, decisions.mesh()));
  ASSIGN_OR_RETURN(const AppliedDecisions applied, AppliedDecisions::Create(module, decisions));
  v1::Plan plan;
  plan.set_strategy("adp");
  for (const AxisDecisions& axis : decisions.axes) {
    if (axis.name == kModelAxis) plan.set_strategy("opp");
    v1::Plan::MeshAxis& mesh_axis = *plan.add_mesh();
    mesh_axis.set_name(axis.name);
    mesh_axis.set_size(axis.size);
    mesh_axis.set_sums_at_once(axis.sums_at_once);
  }
  plan.set_micro_batches(1);
  const Axes axes = applied.axes();
  FillShardings(module, decisions, axes, plan);
  FillCost(module, decisions, model.Evaluate(module.lowering().Lower(axes)), *plan.mutable_cost());
  for (const std::string& name : module.Unsupported()) plan.add_unsupported(name);
  plan.set_module_sha256(module.graph().module().sha256);
  plan.set_cluster_sha256(ClusterDigest(cluster_proto));
  plan.set_planner_version(kPlannerVersion);
  *plan.mutable_semantics() = semantics;
  SetSemantics(decisions.semantics, *plan.mutable_semantics());
  FillReshards(module, decisions, axes, plan);
  FillWarnings(module, cluster, model.device_count(), plan);
  return plan;
}

absl::Status CheckPlanIsFor(const PreparedModule& module, const v1::Plan& plan) {
  const std::string& sha256 = module.graph().module().sha256;
  if (plan.module_sha256() == sha256) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("plan.module_sha256: ", plan.module_sha256(), ", the module has ", sha256));
}

absl::StatusOr<Decisions> DecisionsOf(const PreparedModule& module, const v1::Plan& plan) {
  Decisions decisions;
  decisions.semantics = SemanticsOf(plan.semantics());
  for (int i = 0; i < plan.mesh_size(); ++i) {
    if (plan.mesh(i).size() < 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("mesh[", i, "].size: ", plan.mesh(i).size(), ", must be >= 2"));
    }
    const std::string& name = plan.mesh(i).name();
    const bool is_known =
        (i == 0 && name == kDataAxis) || (i + 1 == plan.mesh_size() && name == kModelAxis);
    if (!is_known) {
      return absl::InvalidArgumentError(
          absl::StrCat("mesh[", i, "].name: \"", name, "\", must be data, then model"));
    }
    decisions.axes.push_back({name, plan.mesh(i).size(), {}, {}, plan.mesh(i).sums_at_once()});
  }
  RETURN_IF_ERROR(ReadCuts(module, plan, decisions));
  const auto& parameters = module.graph().parameters();
  if (plan.shardings_size() != static_cast<int>(parameters.size())) {
    return absl::InvalidArgumentError(absl::StrCat("shardings: ", plan.shardings_size(),
                                                   " entries, the module has ", parameters.size(),
                                                   " parameter leaves"));
  }
  for (int p = 0; p < plan.shardings_size(); ++p) {
    const Role role = module.roles().of[p];
    if (role != Role::kVariable && role != Role::kInput) continue;
    const auto& dims = plan.shardings(p).dim_axes();
    const int rank = module.graph().tensor(parameters[p].tensor).rank;
    for (int dim = 0; dim < dims.size(); ++dim) {
      for (const absl::string_view name : absl::StrSplit(dims[dim], ',', absl::SkipEmpty())) {
        const auto axis =
            std::find_if(decisions.axes.begin(), decisions.axes.end(),
                         [&](const AxisDecisions& candidate) { return candidate.name == name; });
        const std::string path = absl::StrCat("shardings[", p, "].dim_axes[", dim, "]");
        if (axis == decisions.axes.end()) {
          return absl::InvalidArgumentError(
              absl::StrCat(path, ": \"", name, "\", must be an axis of the mesh"));
        }
        if (dim >= rank)
          return absl::InvalidArgumentError(
              absl::StrCat(path, ": the parameter has ", rank, " dims"));
        axis->splits.push_back({p, dim});
      }
    }
  }
  return decisions;
}

namespace {

TimeParts PartsOf(const v1::Plan::Cost& cost) {
  const double network = cost.has_network_s() ? cost.network_s() : cost.communication_s();
  return {Seconds{cost.step_time_s() - cost.communication_s()},
          Seconds{cost.communication_s() - network}, Seconds{network}};
}

}  // namespace

void FillInterval(v1::Plan::Cost& cost) {
  const TimeInterval interval = DoubtOf(PartsOf(cost));
  cost.set_step_time_low_s(interval.low.value);
  cost.set_step_time_high_s(interval.high.value);
}

void FillWinProbability(v1::Plan& plan) {
  const v1::Plan::Cost* best = nullptr;
  for (const v1::Plan::Alternative& other : plan.alternatives()) {
    if (other.cost().step_time_s() <= 0 || other.cost().fits() != plan.cost().fits()) continue;
    if (best == nullptr || other.cost().step_time_s() < best->step_time_s()) best = &other.cost();
  }
  plan.clear_win_probability();
  if (best != nullptr)
    plan.set_win_probability(WinProbability(PartsOf(plan.cost()), PartsOf(*best)));
}

}  // namespace automap

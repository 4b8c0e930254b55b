#include "planner/plan/prepared_module.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/plan/profile.h"
#include "planner/rules/catalog.h"

namespace automap {
namespace {

std::optional<Role> RoleFromProto(v1::Plan::Sharding::Role role) {
  switch (role) {
    case v1::Plan::Sharding::VARIABLE:
      return Role::kVariable;
    case v1::Plan::Sharding::OPTIMIZER_STATE:
      return Role::kOptimizerState;
    case v1::Plan::Sharding::OTHER_STATE:
      return Role::kOtherState;
    case v1::Plan::Sharding::INPUT:
      return Role::kInput;
    case v1::Plan::Sharding::CONSTANT:
      return Role::kConstant;
    default:
      return std::nullopt;
  }
}

}  // namespace

absl::StatusOr<std::vector<GivenRole>> GivenRoles(
    const google::protobuf::RepeatedPtrField<v1::ParameterRole>& roles) {
  std::vector<GivenRole> given;
  for (int i = 0; i < roles.size(); ++i) {
    if (!roles[i].has_index()) {
      return absl::InvalidArgumentError(
          absl::StrCat("roles[", i, "].index: missing, must be a parameter number"));
    }
    given.push_back(
        {roles[i].index(), RoleFromProto(roles[i].role()), roles[i].name(), std::nullopt});
    if (roles[i].has_updated_by()) given.back().updated_by = roles[i].updated_by();
  }
  return given;
}

absl::StatusOr<std::unique_ptr<const PreparedModule>> PreparedModule::Create(
    absl::string_view bytes, const google::protobuf::RepeatedPtrField<v1::ParameterRole>& roles) {
  return CreateWithProfile(bytes, roles, {}, Cluster());
}

absl::StatusOr<std::unique_ptr<const PreparedModule>> PreparedModule::CreateWithProfile(
    absl::string_view bytes,
    const google::protobuf::RepeatedPtrField<v1::ParameterRole>& given_roles,
    const google::protobuf::RepeatedPtrField<v1::ProfileEntry>& profile, const Cluster& cluster) {
  ASSIGN_OR_RETURN(const std::vector<GivenRole> given, GivenRoles(given_roles));
  ASSIGN_OR_RETURN(HloModule module, ReadModule(bytes));
  if (module.proto->has_spmd_output_sharding()) {
    return absl::InvalidArgumentError(
        "module.spmd_output_sharding: present, must be absent: the module is partitioned already; "
        "send the one from before partitioning");
  }
  ASSIGN_OR_RETURN(Graph graph, BuildGraph(std::move(module)));
  ASSIGN_OR_RETURN(Roles roles, InferRoles(graph, given));
  auto prepared =
      std::unique_ptr<PreparedModule>(new PreparedModule(std::move(graph), std::move(roles)));
  if (!profile.empty()) {
    const DeviceType& device = cluster.types[cluster.servers.front().type];
    ASSIGN_OR_RETURN(std::vector<double> scales,
                     ProfileScales(prepared->lowering_, profile, device));
    prepared->lowering_.SetScales(std::move(scales));
  }
  return std::unique_ptr<const PreparedModule>(std::move(prepared));
}

TensorId PreparedModule::StoredAs(size_t output) const {
  const int32_t updated = roles_.updated_parameter[output];
  return updated >= 0 ? graph_.parameters()[updated].tensor : graph_.outputs()[output].tensor;
}

std::vector<std::string> PreparedModule::Unsupported() const {
  std::set<std::string> names;
  for (NodeId node = 0; node < graph_.node_count(); ++node) {
    if (!IsUnsupported(graph_, node)) continue;
    const auto& instruction = *graph_.node(node).instruction;
    names.insert(instruction.custom_call_target().empty()
                     ? instruction.opcode()
                     : absl::StrCat(instruction.opcode(), " ", instruction.custom_call_target()));
  }
  return {names.begin(), names.end()};
}

}  // namespace automap

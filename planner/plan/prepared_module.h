// Everything that planning and verification need of a module, worked out once.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "automap/v1/plan.pb.h"
#include "planner/graph/build_graph.h"
#include "planner/graph/roles.h"
#include "planner/plan/lowering.h"
#include "planner/propagation/wiring.h"
#include "simulator/cluster/cluster.h"

namespace automap {

// Immutable; its parts refer to each other, so it stays where it is.
class PreparedModule {
 public:
  // Reads, checks and analyses a module. `roles` as in the request. Errors as ReadModule,
  // BuildGraph, InferRoles.
  static absl::StatusOr<std::unique_ptr<const PreparedModule>> Create(
      absl::string_view bytes, const google::protobuf::RepeatedPtrField<v1::ParameterRole>& roles);
  // The same with measured times, of devices like the cluster's first. Errors as ProfileScales,
  // too.
  static absl::StatusOr<std::unique_ptr<const PreparedModule>> CreateWithProfile(
      absl::string_view bytes, const google::protobuf::RepeatedPtrField<v1::ParameterRole>& roles,
      const google::protobuf::RepeatedPtrField<v1::ProfileEntry>& profile, const Cluster& cluster);

  const Graph& graph() const { return graph_; }
  const Roles& roles() const { return roles_; }
  const Wiring& wiring() const { return wiring_; }
  const Lowering& lowering() const { return lowering_; }
  // The tensor whose splits result leaf `output` is stored with: the parameter that it replaces
  // (sliced if it comes out whole), else its own.
  TensorId StoredAs(size_t output) const;
  // Opcodes and custom-call targets that run replicated for want of a rule, sorted.
  std::vector<std::string> Unsupported() const;

 private:
  PreparedModule(Graph graph, Roles roles)
      : graph_(std::move(graph)),
        roles_(std::move(roles)),
        wiring_(graph_, roles_),
        lowering_(wiring_, roles_) {}

  Graph graph_;
  Roles roles_;
  Wiring wiring_;
  Lowering lowering_;
};

// The request's roles as InferRoles takes them. INVALID_ARGUMENT with `roles[i]...`.
absl::StatusOr<std::vector<GivenRole>> GivenRoles(
    const google::protobuf::RepeatedPtrField<v1::ParameterRole>& roles);

}  // namespace automap

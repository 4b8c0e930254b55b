// What each entry parameter is to the training step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/graph/graph.h"

namespace automap {

enum class Role : uint8_t { kVariable, kOptimizerState, kOtherState, kInput, kConstant };

// Upper-case name, "OPTIMIZER_STATE".
absl::string_view RoleName(Role role);

// What the caller knows about one entry parameter.
struct GivenRole {
  int32_t parameter_number = 0;
  std::optional<Role> role;
  std::string name;                   // empty: not given
  std::optional<int32_t> updated_by;  // number of the result that replaces it
};

struct Roles {
  // Parallel to graph.parameters().
  std::vector<Role> of;
  std::vector<std::string> reason;  // why, for people
  std::vector<std::string> names;   // given names, else the graph's
  // For each output leaf the index in graph.parameters() that it replaces after the step, or -1.
  std::vector<int32_t> updated_parameter;
};

struct RoleOptions {
  bool use_names = true;  // false: by aliases and dataflow alone
};

// Infers roles: what the caller gave wins, then the pairing of results with the parameters that
// they replace (declared aliases, else the nearest parameter of the same shape through element-wise
// operations), then dataflow, then names. INVALID_ARGUMENT with `roles[i]...` when a given role
// does not fit the module. O(parameters x graph) at worst, O(graph) with aliases.
absl::StatusOr<Roles> InferRoles(const Graph& graph, const std::vector<GivenRole>& given = {},
                                 const RoleOptions& options = {});

}  // namespace automap

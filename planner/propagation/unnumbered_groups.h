// Linkage groups without their structures, which take a third of the time and few ask for.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "planner/propagation/linkage_groups.h"

namespace automap {

// As FindLinkageGroups, but that each structure is -1 and `copies` is empty.
LinkageGroups FindUnnumberedGroups(const Wiring& wiring, const Roles& roles, Role role,
                                   const PropagationOptions& options,
                                   const PriorSplits* prior = nullptr);

// By group: LinkageGroup::structure.
std::vector<int32_t> StructuresOf(const Wiring& wiring, absl::Span<const LinkageGroup> groups);

}  // namespace automap

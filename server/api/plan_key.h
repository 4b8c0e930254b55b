// What a plan follows from, as a digest.
#pragma once

#include <string>

#include "automap/v1/job.pb.h"

namespace automap {

// SHA-256 (hex) over the module's content, the cluster, the options with their defaults filled in,
// and the planner's version. Equal for specs that must give the same plan. `spec` has its cluster
// resolved to an inline one; `module_digest` as of blobs/content_digest.h.
std::string PlanKey(const v1::PlanSpec& spec, const std::string& module_digest);

}  // namespace automap

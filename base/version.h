// The planner's version: plans of one version, request and seed are equal.
#pragma once

namespace automap {

inline constexpr char kPlannerVersion[] = "0.1.0";

}  // namespace automap

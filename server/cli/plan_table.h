// A plan for people.
#pragma once

#include <string>

#include "automap/v1/plan.pb.h"

namespace automap {

// 41.2 ms; 3.50 GiB.
std::string DurationText(double seconds);
std::string SizeText(double bytes);

// The stages of a plan, a line each: devices, times, what their memory consists of. Empty without
// stages.
std::string StageTable(const v1::Plan& plan);

// Time, memory, communication, how it was found, and the shardings of variables and inputs with
// repeated layers folded into one line.
std::string PlanTable(const v1::Plan& plan);

}  // namespace automap

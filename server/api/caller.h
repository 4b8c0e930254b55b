// Who calls, as far as the rest of the server needs to know.
#pragma once

#include <string>

#include "automap/v1/job.pb.h"

namespace automap {

// What a caller may do. Each may do what the one before may.
enum class Role {
  kViewer,     // read everything
  kSubmitter,  // make jobs and modules; read and change its own jobs only
  kOperator,   // read and change everything
};

struct Caller {
  std::string name;  // owns the jobs it creates
  Role role = Role::kOperator;
  std::string traceparent;  // W3C trace context of the call, empty when there is none
};

inline bool MaySee(const Caller& caller, const v1::PlanJob& job) {
  return caller.role != Role::kSubmitter || job.caller() == caller.name;
}

inline bool MayChange(const Caller& caller, const v1::PlanJob& job) {
  return caller.role == Role::kOperator || job.caller() == caller.name;
}

}  // namespace automap

// The states of a job and the moves between them.
#pragma once

#include "automap/v1/job.pb.h"

namespace automap {

//   PENDING ─▶ RUNNING ─▶ SUCCEEDED | FAILED
//      ▲ │        │ │
//      │ │        │ └───▶ CANCELLING ─▶ CANCELLED | SUCCEEDED | FAILED
//      └─┼────────┘ (worker lost, server drained or killed)
//        ├──────────────▶ CANCELLED | FAILED | EXPIRED
//        └──────────────▶ SUCCEEDED (the plan was known)
bool MayMove(v1::PlanJob::State from, v1::PlanJob::State to);

// Whether nothing happens any more.
bool IsEnded(v1::PlanJob::State state);

}  // namespace automap

// What every handler of a call needs.
#pragma once

#include "absl/time/time.h"
#include "server/api/access.h"
#include "server/api/executor.h"
#include "server/api/job_service.h"
#include "server/api/module_service.h"
#include "server/api/rpc_status.h"
#include "server/api/shared_events.h"
#include "server/api/stream_room.h"
#include "server/ops/limits.h"
#include "server/ops/metrics.h"

namespace automap {

struct Api {
  JobService& jobs;
  ModuleService& modules;
  Executor& executor;
  Metrics& metrics;
  const Access& access;
  const Limits& limits;
  StreamRoom& room;
  SharedEvents& events;

  void Answered(const char* method, const absl::Status& status, absl::Duration time) const {
    metrics.Answered(method, status.code(), ReasonOf(status), time);
  }
};

}  // namespace automap

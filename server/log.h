// The server's log: one line of JSON on stderr for each event.
#pragma once

#include <string>

#include "server/ops/metrics.h"
#include "server/pool/worker_pool.h"

namespace automap {

void SetUpLog();

// As a JSON string, whatever bytes it has.
std::string Quoted(const std::string& text);

void LogClosedConnection(const std::string& reason, const std::string& address);

// Counts what the pool tells, and logs the ends of jobs, lost workers, and what is wrong with
// checkpoints. Nothing of a module and no token gets into the log.
PoolObserver Observe(Metrics& metrics);

}  // namespace automap

// What automapd is told on its command line.
#pragma once

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "server/api/transport.h"
#include "server/ops/limits.h"
#include "server/pool/worker_pool.h"

namespace automap {

// The flags with their defaults; `automapd --help` says what each means.
struct Flags {
  TransportOptions transport;
  std::string http_listen = "127.0.0.1:8471", data_dir = "automap-data", modules_dir,
              checkpoints_dir, store = "sqlite", database_file, principals, worker_program;
  int workers = 2, paused_jobs = -1;  // -1: as many as workers
  int64_t worker_memory_bytes = WorkerLimits{}.memory_bytes,
          worker_cpu_seconds = WorkerLimits{}.cpu_seconds;
  int max_run_timeout_s = 3600, overrun_grace_s = 20, lease_s = 30, drain_delay_s = 0;
  double max_write_s = 60, bookmark_s = 15, checkpoint_interval_s = 5;
  int64_t job_retention_s = 7 * 86400;
  Limits limits;
};

// `flags` are filled in when `app` is parsed.
void AddFlags(CLI::App& app, Flags& flags);

PoolOptions PoolOptionsOf(const Flags& flags);
Limits LimitsOf(const Flags& flags);

}  // namespace automap

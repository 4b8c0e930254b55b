#include "server/flags.h"

#include "absl/time/time.h"

namespace automap {
namespace {

void AddServerOptions(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.transport.listen, "HOST:PORT for gRPC");
  app.add_option("--http-listen", flags.http_listen,
                 "HOST:PORT for /metrics, /healthz and /readyz");
  app.add_option("--data-dir", flags.data_dir, "folder for jobs and modules");
  app.add_option("--modules-dir", flags.modules_dir,
                 "folder for modules, shared by all replicas; default: inside --data-dir");
  app.add_option("--checkpoints-dir", flags.checkpoints_dir,
                 "folder for checkpoints of running jobs, shared by all replicas; default: inside "
                 "--data-dir");
  app.add_option("--store", flags.store, "where jobs are kept: sqlite or postgres");
  app.add_option("--database-file", flags.database_file,
                 "file whose first line says how to reach PostgreSQL, as libpq takes it");
  app.add_option("--drain-delay", flags.drain_delay_s,
                 "seconds between not being ready and stopping, for load balancers to notice")
      ->check(CLI::Range(0, 300));
}

void AddSecurityOptions(CLI::App& app, Flags& flags) {
  app.add_option("--tls-certificate", flags.transport.tls_certificate,
                 "PEM file; read again when it changes");
  app.add_option("--tls-key", flags.transport.tls_key, "PEM file of its key");
  app.add_option("--tls-client-ca", flags.transport.tls_client_ca,
                 "PEM file; clients must have a certificate of it");
  app.add_option("--principals", flags.principals,
                 "JSON file of the callers, their roles and tokens");
  app.add_flag("--allow-insecure", flags.transport.allow_insecure,
               "let anybody who reaches --listen do anything");
  app.add_flag("--reflection,!--no-reflection", flags.transport.reflection,
               "whether clients may ask for the API's descriptors");
}

void AddWorkOptions(CLI::App& app, Flags& flags) {
  app.add_option("--workers", flags.workers, "jobs that run at once")->check(CLI::Range(0, 256));
  app.add_option(
         "--paused-jobs", flags.paused_jobs,
         "jobs that may pause, with their memory, so that a caller who has none running need "
         "not wait for one who has several; default: as many as --workers")
      ->check(CLI::Range(0, 256));
  app.add_option("--worker-program", flags.worker_program, "program that computes");
  app.add_option("--worker-memory-bytes", flags.worker_memory_bytes,
                 "memory that one worker process may have of its own");
  app.add_option("--worker-cpu-seconds", flags.worker_cpu_seconds,
                 "CPU time of one worker process before it is replaced");
  app.add_option("--max-run-timeout", flags.max_run_timeout_s, "seconds that a job may run at most")
      ->check(CLI::Range(1, 7 * 86400));
  app.add_option("--overrun-grace", flags.overrun_grace_s,
                 "seconds past a job's limit before its worker is killed")
      ->check(CLI::Range(0, 3600));
  app.add_option("--checkpoint-interval", flags.checkpoint_interval_s,
                 "seconds of a search that may be lost when its worker dies; 0: all of it")
      ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--lease", flags.lease_s,
                 "seconds after which the job of a silent replica is another's")
      ->check(CLI::Range(2, 3600));
}

void AddLimitOptions(CLI::App& app, Flags& flags) {
  Limits& limits = flags.limits;
  app.add_option("--max-queued-jobs", limits.max_queued_jobs, "jobs that may wait");
  app.add_option("--max-queued-jobs-per-caller", limits.max_queued_jobs_per_caller,
                 "jobs of one caller that may wait");
  app.add_option("--max-stored-bytes", limits.max_stored_bytes, "bytes of all uploaded modules");
  app.add_option("--max-connections", limits.max_connections, "open gRPC connections");
  app.add_option(
      "--max-connections-per-host", limits.max_connections_per_host,
      "open gRPC connections from one host: an IPv4 address, or all of an IPv6 network of "
      "64 bits; a proxy in front is one");
  app.add_option("--max-given-up-calls-per-second", limits.max_given_up_calls_per_second,
                 "calls that one host may begin and give up, averaged over two seconds, before "
                 "its connections are closed");
  app.add_option("--max-unfinished-calls-per-connection",
                 limits.max_unfinished_calls_per_connection,
                 "calls that may not be gone, with those that were given up, before a connection "
                 "is closed");
  app.add_option("--max-empty-bytes-per-second", limits.max_empty_bytes_per_second,
                 "bytes that a connection may bring beside its messages before it is closed");
  app.add_option("--max-watch-streams", limits.max_watch_streams, "open streams of events");
  app.add_option("--max-waiting-calls", limits.max_waiting_calls,
                 "calls that may wait for one of the server's threads");
  app.add_option("--max-write-time", flags.max_write_s,
                 "seconds after which a stream whose client takes nothing is ended");
  app.add_option("--bookmark-interval", flags.bookmark_s,
                 "seconds of silence after which a stream gets a bookmark");
  app.add_option("--job-retention", flags.job_retention_s, "seconds that ended jobs are kept");
}

}  // namespace

void AddFlags(CLI::App& app, Flags& flags) {
  AddServerOptions(app, flags);
  AddSecurityOptions(app, flags);
  AddWorkOptions(app, flags);
  AddLimitOptions(app, flags);
}

PoolOptions PoolOptionsOf(const Flags& flags) {
  PoolOptions options;
  options.worker_program = flags.worker_program;
  options.workers = flags.workers;
  options.paused = flags.paused_jobs < 0 ? flags.workers : flags.paused_jobs;
  options.limits = {flags.worker_memory_bytes, flags.worker_cpu_seconds};
  options.max_run_timeout = absl::Seconds(flags.max_run_timeout_s);
  options.overrun_grace = absl::Seconds(flags.overrun_grace_s);
  options.lease = absl::Seconds(flags.lease_s);
  options.checkpoint_interval = absl::Seconds(flags.checkpoint_interval_s);
  return options;
}

Limits LimitsOf(const Flags& flags) {
  Limits limits = flags.limits;
  limits.max_write_time = absl::Seconds(flags.max_write_s);
  limits.bookmark_interval = absl::Seconds(flags.bookmark_s);
  limits.job_retention = absl::Seconds(flags.job_retention_s);
  return limits;
}

}  // namespace automap

// What GetCapabilities says: the limits, and what can be asked for.
#include "base/version.h"
#include "planner/strategy_names.h"
#include "server/api/job_service.h"

namespace automap {
namespace {

void Set(google::protobuf::Duration* proto, absl::Duration duration) {
  proto->set_seconds(absl::ToInt64Seconds(duration));
}

}  // namespace

v1::Capabilities JobService::GetCapabilities() const {
  v1::Capabilities to;
  to.set_server_version(kPlannerVersion);
  to.set_max_message_bytes(limits_.max_message_bytes);
  to.set_max_inline_bytes(limits_.max_inline_bytes);
  to.set_max_module_bytes(limits_.max_module_bytes);
  to.set_max_chunk_bytes(limits_.max_chunk_bytes);
  to.set_max_stored_bytes(limits_.max_stored_bytes);
  to.set_max_instructions(limits_.max_instructions);
  to.set_max_computations(limits_.max_computations);
  to.set_max_shape_rank(limits_.max_shape_rank);
  to.set_max_queued_jobs(limits_.max_queued_jobs);
  to.set_max_queued_jobs_per_caller(limits_.max_queued_jobs_per_caller);
  to.set_max_request_id_bytes(limits_.max_request_id_bytes);
  to.set_max_labels(limits_.max_labels);
  to.set_max_label_bytes(limits_.max_label_bytes);
  to.set_max_page_size(limits_.max_page_size);
  to.set_max_priority(limits_.max_priority);
  to.set_max_digests(limits_.max_digests);
  to.set_max_watch_streams(limits_.max_watch_streams);
  to.set_max_connections(limits_.max_connections);
  to.set_max_connections_per_host(limits_.max_connections_per_host);
  to.set_max_streams_per_connection(limits_.max_streams_per_connection);
  to.set_max_unfinished_calls_per_connection(limits_.max_unfinished_calls_per_connection);
  to.set_max_given_up_calls_per_second(limits_.max_given_up_calls_per_second);
  to.set_max_empty_bytes_per_second(limits_.max_empty_bytes_per_second);
  to.set_max_stream_bytes(limits_.max_stream_bytes);
  to.set_max_cached_plans(limits_.max_cached_plans);
  Set(to.mutable_max_write_time(), limits_.max_write_time);
  Set(to.mutable_bookmark_interval(), limits_.bookmark_interval);
  Set(to.mutable_job_retention(), limits_.job_retention);
  Set(to.mutable_upload_retention(), limits_.upload_retention);
  Set(to.mutable_max_run_timeout(), pool_.options().max_run_timeout);
  to.set_max_workers(pool_.options().workers);
  to.set_max_worker_memory_bytes(pool_.options().limits.memory_bytes);
  for (const char* format : {"HloModuleProto", "HloProto", "HloSnapshot", "HLO text", "proto JSON",
                             "protobuf text", "gzip of any"})
    to.add_formats(format);
  for (const absl::string_view strategy : kStrategyNames) to.add_strategies(std::string(strategy));
  for (const char* preset : {"default", "paper"}) to.add_presets(preset);
  return to;
}

}  // namespace automap

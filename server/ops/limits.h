// Every limit that the server enforces, in one place; GetCapabilities publishes it.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace automap {

struct Limits {
  int64_t max_message_bytes = 4 << 20;  // of one gRPC message
  int64_t max_inline_bytes = 2 << 20;   // of a module inside a request
  int64_t max_module_bytes = 64 << 20;  // of an uploaded module
  int64_t max_chunk_bytes = 1 << 20;
  int64_t max_stored_bytes = int64_t{16} << 30;  // of all uploaded modules
  int64_t max_instructions = 2'000'000;          // checked by the worker before it parses
  int64_t max_computations = 100'000;
  int max_shape_rank = 32;
  int64_t max_queued_jobs = 10'000, max_queued_jobs_per_caller = 5'000;
  int max_request_id_bytes = 128;
  int max_labels = 64, max_label_bytes = 128;
  int max_page_size = 1000, default_page_size = 100;
  int max_digests = 1000;
  int max_priority = 100;
  int64_t max_watch_streams = 4000;
  int64_t max_connections = 2000;
  int64_t max_connections_per_host = 1000;  // server/api/origin.h; a proxy is one
  int max_streams_per_connection = 256;
  int64_t max_unfinished_calls_per_connection = 1000;  // with those that are given up and not gone
  int64_t max_given_up_calls_per_second = 2000;        // by one host, averaged over two seconds
  int64_t max_empty_bytes_per_second = 1 << 20;        // of one connection, that no message has
  int64_t max_stream_bytes = 24 << 20;                 // of events in all streams' hands
  int64_t max_waiting_calls = 4096;                    // for one of the server's threads
  int64_t max_cached_plans = 100'000;
  absl::Duration max_write_time = absl::Seconds(60);
  absl::Duration bookmark_interval = absl::Seconds(15);
  absl::Duration job_retention = absl::Hours(24 * 7);
  absl::Duration upload_retention = absl::Hours(24);
};

}  // namespace automap

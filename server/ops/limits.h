// Every limit that the server enforces, in one place; GetCapabilities publishes it.
#pragma once

#include <cstdint>

namespace automap {

struct Limits {
  int64_t max_message_bytes = 4 << 20;  // of one gRPC message
  int64_t max_inline_bytes = 2 << 20;   // of a module inside a request
  int64_t max_module_bytes = 64 << 20;  // of an uploaded module
  int64_t max_chunk_bytes = 1 << 20;
  int64_t max_instructions = 2'000'000;  // checked by the worker before it parses
  int64_t max_computations = 100'000;
  int max_shape_rank = 32;
  int64_t max_queued_jobs = 10'000;
  int max_request_id_bytes = 128;
  int max_labels = 64, max_label_bytes = 128;
  int max_page_size = 1000, default_page_size = 100;
};

}  // namespace automap

// Bytes as a module: wire pre-scan, proto, text, JSON, gzip.
#include "absl/strings/string_view.h"
#include "planner/hlo/read_module.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  automap::ReadLimits limits;
  limits.max_bytes = 1 << 20;
  limits.max_memory_bytes = 64 << 20;
  automap::ReadModule({reinterpret_cast<const char*>(data), size}, limits).status().IgnoreError();
  return 0;
}

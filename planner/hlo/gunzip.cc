#include "planner/hlo/gunzip.h"

#include <zlib.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace automap {

absl::StatusOr<std::string> Gunzip(absl::string_view bytes, int64_t max_bytes) {
  z_stream stream = {};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return absl::InternalError("zlib");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = bytes.size();
  std::string out;
  int result = Z_OK;
  while (result == Z_OK && static_cast<int64_t>(out.size()) <= max_bytes) {
    const size_t used = out.size();
    out.resize(used + std::max<size_t>(used / 2, 1 << 20));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = out.size() - used;
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (static_cast<int64_t>(out.size()) > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("module: more than ", max_bytes, " bytes once decompressed"));
  }
  if (result != Z_STREAM_END) return absl::InvalidArgumentError("module: broken gzip data");
  return out;
}

}  // namespace automap

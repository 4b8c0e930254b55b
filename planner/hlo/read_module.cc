#include "planner/hlo/read_module.h"

#include <zlib.h>

#include "google/protobuf/arena.h"

namespace automap {
namespace {

absl::StatusOr<std::string> Gunzip(absl::string_view bytes, int64_t max_bytes) {
  z_stream stream = {};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return absl::InternalError("zlib");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = bytes.size();
  std::string out;
  int result = Z_OK;
  while (result == Z_OK && static_cast<int64_t>(out.size()) <= max_bytes) {
    const size_t used = out.size();
    out.resize(std::max<size_t>(2 * used, bytes.size() * 4 + 4096));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = out.size() - used;
    result = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) return absl::InvalidArgumentError("module: broken gzip data");
  return out;
}

}  // namespace

absl::StatusOr<HloModule> ReadModule(absl::string_view bytes, const ReadLimits& limits) {
  std::string inflated;
  if (bytes.size() > 2 && bytes.substr(0, 2) == "\x1f\x8b") {
    auto out = Gunzip(bytes, limits.max_bytes);
    if (!out.ok()) return out.status();
    inflated = *std::move(out);
    bytes = inflated;
  }
  HloModule module;
  module.arena = std::make_shared<google::protobuf::Arena>();
  auto* proto = google::protobuf::Arena::CreateMessage<xla::HloModuleProto>(module.arena.get());
  if (!proto->ParseFromArray(bytes.data(), bytes.size())) {
    return absl::InvalidArgumentError("module: not an HloModuleProto");
  }
  module.proto = proto;
  module.byte_count = bytes.size();
  return module;
}

}  // namespace automap

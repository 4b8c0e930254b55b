#include "server/blobs/content_digest.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "base/gzip.h"
#include "base/sha256.h"

namespace automap {
namespace {

constexpr size_t kBlock = 256 << 10;
constexpr int kGzip = 15 + 16;  // zlib's way to say: with a gzip header

// Hashes what `bytes` inflate to; false when they are not gzip or too much.
bool HashInflated(absl::string_view bytes, int64_t max_bytes, Sha256& hash) {
  z_stream stream = {};
  if (inflateInit2(&stream, kGzip) != Z_OK) return false;
  std::vector<unsigned char> block(kBlock);
  int64_t total = 0;
  int result = Z_OK;
  while (result == Z_OK && total <= max_bytes) {
    if (stream.avail_in == 0) {
      const size_t size = std::min(bytes.size(), kBlock);
      if (size == 0) break;
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(size);
      bytes.remove_prefix(size);
    }
    stream.next_out = block.data();
    stream.avail_out = static_cast<uInt>(block.size());
    result = inflate(&stream, Z_NO_FLUSH);
    const size_t size = block.size() - stream.avail_out;
    hash.Update({reinterpret_cast<const char*>(block.data()), size});
    total += static_cast<int64_t>(size);
  }
  inflateEnd(&stream);
  return result == Z_STREAM_END && total <= max_bytes && bytes.empty() && stream.avail_in == 0;
}

}  // namespace

std::string ContentDigest(absl::string_view bytes, int64_t max_bytes) {
  if (IsGzip(bytes)) {
    Sha256 hash;
    if (HashInflated(bytes, max_bytes, hash)) return hash.Hex();
  }
  Sha256 hash;
  hash.Update(bytes);
  return hash.Hex();
}

}  // namespace automap

// Modules as files named by their content.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/modules.pb.h"
#include "base/sha256.h"

namespace automap {

// A folder with one file per module. A file is there only when all of it is on disk: written
// beside, synced, renamed. Thread-safe.
class BlobStore {
 public:
  // Creates the folder where it is missing and removes what unfinished uploads left.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(const std::string& folder);

  // One upload; removes its file unless it was finished.
  class Upload {
   public:
    ~Upload();
    absl::Status Append(absl::string_view data);
    // INVALID_ARGUMENT when size or SHA-256 is not what the header said. OK when the module is on
    // disk.
    absl::StatusOr<v1::Module> Finish();
    int64_t received() const { return received_; }

   private:
    friend class BlobStore;
    Upload(BlobStore& store, std::string sha256, int64_t size);
    BlobStore& store_;
    const std::string sha256_, path_;
    const int64_t size_;
    int64_t received_ = 0;
    int file_ = -1;
    Sha256 hash_;
  };

  // `sha256`: 64 lower-case hex digits, checked by the caller.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& sha256, int64_t size);
  // NOT_FOUND when it is not there.
  absl::StatusOr<v1::Module> Get(const std::string& sha256) const;
  absl::StatusOr<std::string> Read(const std::string& sha256) const;
  // In the order of their digests, those after `after`, at most `limit`.
  std::vector<v1::Module> List(const std::string& after, int limit) const;
  absl::Status Delete(const std::string& sha256);

 private:
  explicit BlobStore(std::string folder) : folder_(std::move(folder)) {}
  std::string PathOf(const std::string& sha256) const;
  const std::string folder_;
};

// Whether text is 64 lower-case hex digits.
bool IsSha256(absl::string_view text);

}  // namespace automap

// Modules as files named by their content.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "automap/v1/modules.pb.h"
#include "base/sha256.h"

namespace automap {

// A folder with one file per module. A file is there only when all of it is on disk: written
// beside, synced, renamed. What an upload sent before it broke stays beside, per sender, until it
// is continued or too old. Thread-safe; several processes may share the folder.
class BlobStore {
 public:
  // Creates the folder where it is missing.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(const std::string& folder,
                                                         int64_t max_bytes);

  // One upload; the only one of its sender and module while it exists.
  class Upload {
   public:
    ~Upload();
    // `offset`: where the data goes; the first chunk may begin at 0 or where the last upload of
    // this module by this sender ended, each further one where the one before ended.
    // INVALID_ARGUMENT otherwise.
    absl::Status Append(int64_t offset, absl::string_view data);
    // INVALID_ARGUMENT when size or SHA-256 is not what the header said; what was received is gone
    // then. OK when the module is on disk.
    absl::StatusOr<v1::Module> Finish();
    int64_t received() const { return received_; }

   private:
    friend class BlobStore;
    Upload(BlobStore& store, std::string sha256, int64_t size, std::string path, int file);
    absl::Status Begin(int64_t offset);
    BlobStore& store_;
    const std::string sha256_, path_;
    const int64_t size_;
    const int file_;
    bool begun_ = false;
    int64_t received_ = 0;
    Sha256 hash_;
  };

  // `sha256`: 64 lower-case hex digits, checked by the caller. ABORTED while the same sender is
  // uploading it, RESOURCE_EXHAUSTED when it would be too much.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& sha256, int64_t size,
                                                const std::string& sender);
  // Bytes of an unfinished upload.
  int64_t PartialSize(const std::string& sha256, const std::string& sender) const;
  // All of a small module at once.
  absl::StatusOr<v1::Module> Add(const std::string& bytes, const std::string& sender);

  // NOT_FOUND when it is not there.
  absl::StatusOr<v1::Module> Get(const std::string& sha256) const;
  // DATA_LOSS when the file is not what its name says; it is put aside then, to be uploaded again.
  absl::StatusOr<std::string> Read(const std::string& sha256);
  // In the order of their digests, those after `after`, at most `limit`.
  std::vector<v1::Module> List(const std::string& after, int limit) const;
  absl::Status Delete(const std::string& sha256);
  // Unfinished uploads that nothing was added to for `age`.
  void RemoveOldPartials(absl::Duration age);

 private:
  BlobStore(std::string folder, int64_t max_bytes)
      : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  std::string PathOf(const std::string& sha256) const;
  std::string PartialPath(const std::string& sha256, const std::string& sender) const;
  const std::string folder_;
  const int64_t max_bytes_;
  std::atomic<int64_t> stored_bytes_ = 0;
};

// Whether text is 64 lower-case hex digits.
bool IsSha256(absl::string_view text);

}  // namespace automap

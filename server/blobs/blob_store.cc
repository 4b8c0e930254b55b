#include "server/blobs/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "server/blobs/durable_file.h"

namespace automap {
namespace {

constexpr char kPartial[] = "partial-";

}  // namespace

bool IsSha256(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder,
                                                           int64_t max_bytes) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": cannot be made: ", error.message()));
  std::unique_ptr<BlobStore> store(new BlobStore(folder, max_bytes));
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (IsSha256(entry.path().filename().string()) && entry.is_regular_file(error))
      store->stored_bytes_ += static_cast<int64_t>(entry.file_size(error));
  }
  return store;
}

std::string BlobStore::PathOf(const std::string& sha256) const {
  return absl::StrCat(folder_, "/", sha256);
}

std::string BlobStore::PartialPath(const std::string& sha256, const std::string& sender) const {
  return absl::StrCat(folder_, "/", kPartial, sha256, "-", Sha256Hex(sender).substr(0, 16));
}

BlobStore::Upload::Upload(BlobStore& store, std::string sha256, int64_t size, std::string path,
                          int file)
    : store_(store), sha256_(std::move(sha256)), path_(std::move(path)), size_(size), file_(file) {}

BlobStore::Upload::~Upload() {
  store_.stored_bytes_ -= size_;
  close(file_);
}

absl::StatusOr<std::unique_ptr<BlobStore::Upload>> BlobStore::Begin(const std::string& sha256,
                                                                    int64_t size,
                                                                    const std::string& sender) {
  const std::string path = PartialPath(sha256, sender);
  RETURN_IF_ERROR(FailpointStatus("blob.before_create"));
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return IoError("modules: create");
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    close(file);
    return WithReason(absl::AbortedError("header.sha256: another stream is uploading this module"),
                      "UPLOAD_RUNS");
  }
  stored_bytes_ += size;  // until it is finished or given up
  std::unique_ptr<Upload> upload(new Upload(*this, sha256, size, path, file));
  if (stored_bytes_ > max_bytes_)
    return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                          "modules: no room for ", size, " bytes, all together may be ", max_bytes_,
                          "; delete modules that are not needed")),
                      "MODULES_FULL");
  return upload;
}

int64_t BlobStore::PartialSize(const std::string& sha256, const std::string& sender) const {
  struct stat info = {};
  return stat(PartialPath(sha256, sender).c_str(), &info) == 0 ? info.st_size : 0;
}

// The part that is there already is hashed again: what is on disk counts, not what was sent.
absl::Status BlobStore::Upload::Begin(int64_t offset) {
  struct stat info = {};
  if (fstat(file_, &info) != 0) return IoError("modules: stat");
  if (offset != 0 && offset != info.st_size)
    return absl::InvalidArgumentError(absl::StrCat("chunk.offset: ", offset, ", must be 0 or ",
                                                   info.st_size, ", as QueryUpload says"));
  if (offset == 0 && ftruncate(file_, 0) != 0) return IoError("modules: truncate");
  std::string block(1 << 20, 0);
  while (received_ < offset) {
    const ssize_t count = pread(file_, block.data(), block.size(), received_);
    if (count <= 0) return IoError("modules: read");
    hash_.Update({block.data(), static_cast<size_t>(count)});
    received_ += count;
  }
  if (lseek(file_, offset, SEEK_SET) != offset) return IoError("modules: seek");
  begun_ = true;
  return absl::OkStatus();
}

absl::Status BlobStore::Upload::Append(int64_t offset, absl::string_view data) {
  if (!begun_) RETURN_IF_ERROR(Begin(offset));
  if (offset != received_)
    return absl::InvalidArgumentError(
        absl::StrCat("chunk.offset: ", offset, ", must be ", received_));
  if (received_ + static_cast<int64_t>(data.size()) > size_)
    return absl::InvalidArgumentError(absl::StrCat("chunk: more than header.size_bytes, ", size_));
  RETURN_IF_ERROR(FailpointStatus("blob.before_write"));
  while (!data.empty()) {
    const ssize_t written = write(file_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return IoError("modules: write");
    hash_.Update(data.substr(0, written));
    received_ += written;
    data.remove_prefix(written);
  }
  return FailpointStatus("blob.after_write");
}

absl::StatusOr<v1::Module> BlobStore::Upload::Finish() {
  if (received_ != size_)
    return absl::InvalidArgumentError(
        absl::StrCat("header.size_bytes: ", size_, ", ", received_, " bytes came"));
  if (const std::string actual = hash_.Hex(); actual != sha256_) {
    unlink(path_.c_str());
    return WithReason(absl::InvalidArgumentError(
                          absl::StrCat("header.sha256: ", sha256_, ", the bytes have ", actual)),
                      "DIGEST_MISMATCH");
  }
  RETURN_IF_ERROR(FailpointStatus("blob.before_sync"));
  if (fsync(file_) != 0) return IoError("modules: sync");
  RETURN_IF_ERROR(FailpointStatus("blob.before_rename"));
  if (rename(path_.c_str(), store_.PathOf(sha256_).c_str()) != 0) return IoError("modules: rename");
  RETURN_IF_ERROR(FailpointStatus("blob.after_rename"));
  RETURN_IF_ERROR(SyncFolder(store_.folder_));
  RETURN_IF_ERROR(FailpointStatus("blob.after_folder_sync"));
  store_.stored_bytes_ += size_;
  return store_.Get(sha256_);
}

absl::StatusOr<v1::Module> BlobStore::Add(const std::string& bytes, const std::string& sender) {
  const std::string sha256 = Sha256Hex(bytes);
  if (auto known = Get(sha256); known.ok()) return known;
  ASSIGN_OR_RETURN(const auto upload, Begin(sha256, static_cast<int64_t>(bytes.size()), sender));
  RETURN_IF_ERROR(upload->Append(0, bytes));
  return upload->Finish();
}

absl::StatusOr<v1::Module> BlobStore::Get(const std::string& sha256) const {
  struct stat info = {};
  if (!IsSha256(sha256) || stat(PathOf(sha256).c_str(), &info) != 0) {
    return absl::NotFoundError(
        absl::StrCat("name: \"modules/", sha256, "\", there is no such module; upload it first"));
  }
  v1::Module module;
  module.set_name(absl::StrCat("modules/", sha256));
  module.set_sha256(sha256);
  module.set_size_bytes(info.st_size);
  *module.mutable_create_time() =
      google::protobuf::util::TimeUtil::SecondsToTimestamp(info.st_mtime);
  return module;
}

absl::StatusOr<std::string> BlobStore::Read(const std::string& sha256) {
  ASSIGN_OR_RETURN(const v1::Module module, Get(sha256));
  std::string bytes(static_cast<size_t>(module.size_bytes()), 0);
  std::ifstream file(PathOf(sha256), std::ios::binary);
  if (!file.read(bytes.data(), module.size_bytes()))
    return absl::UnavailableError(absl::StrCat("modules: ", sha256, " cannot be read"));
  if (Sha256Hex(bytes) == sha256) return bytes;
  if (rename(PathOf(sha256).c_str(), absl::StrCat(folder_, "/damaged-", sha256).c_str()) == 0)
    stored_bytes_ -= static_cast<int64_t>(bytes.size());
  return WithReason(absl::DataLossError(
                        absl::StrCat("modules: ", sha256, " is damaged on disk; upload it again")),
                    "MODULE_DAMAGED");
}

std::vector<v1::Module> BlobStore::List(const std::string& after, int limit) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (IsSha256(name) && name > after) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  std::vector<v1::Module> modules;
  for (const std::string& name : names) {
    if (static_cast<int>(modules.size()) == limit) break;
    if (auto module = Get(name); module.ok()) modules.push_back(*std::move(module));
  }
  return modules;
}

absl::Status BlobStore::Delete(const std::string& sha256) {
  ASSIGN_OR_RETURN(const v1::Module module, Get(sha256));
  if (unlink(PathOf(sha256).c_str()) != 0) return IoError("modules: delete");
  stored_bytes_ -= module.size_bytes();
  return SyncFolder(folder_);
}

void BlobStore::RemoveOldPartials(absl::Duration age) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string path = entry.path().string();
    struct stat info = {};
    if (absl::StartsWith(entry.path().filename().string(), kPartial) &&
        stat(path.c_str(), &info) == 0 && absl::Now() - absl::FromTimeT(info.st_mtime) > age)
      unlink(path.c_str());
  }
}

}  // namespace automap

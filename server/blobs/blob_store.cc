#include "server/blobs/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "google/protobuf/util/time_util.h"

namespace automap {
namespace {

absl::Status IoError(absl::string_view what) {
  const std::string text = absl::StrCat("modules: ", what, ": ", std::strerror(errno));
  return errno == ENOSPC ? absl::ResourceExhaustedError(text) : absl::InternalError(text);
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced ? absl::OkStatus() : IoError("sync");
}

}  // namespace

bool IsSha256(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": cannot be made: ", error.message()));
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (absl::StartsWith(entry.path().filename().string(), "upload-"))
      std::filesystem::remove(entry.path(), error);
  }
  return std::unique_ptr<BlobStore>(new BlobStore(folder));
}

std::string BlobStore::PathOf(const std::string& sha256) const {
  return absl::StrCat(folder_, "/", sha256);
}

BlobStore::Upload::Upload(BlobStore& store, std::string sha256, int64_t size)
    : store_(store),
      sha256_(std::move(sha256)),
      path_([&] {
        static std::atomic<int64_t> next = 0;
        return absl::StrCat(store.folder_, "/upload-", getpid(), "-", ++next);
      }()),
      size_(size) {}

BlobStore::Upload::~Upload() {
  if (file_ >= 0) close(file_), unlink(path_.c_str());
}

absl::StatusOr<std::unique_ptr<BlobStore::Upload>> BlobStore::Begin(const std::string& sha256,
                                                                    int64_t size) {
  std::unique_ptr<Upload> upload(new Upload(*this, sha256, size));
  upload->file_ = open(upload->path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (upload->file_ < 0) return IoError("create");
  return upload;
}

absl::Status BlobStore::Upload::Append(absl::string_view data) {
  received_ += static_cast<int64_t>(data.size());
  if (received_ > size_)
    return absl::InvalidArgumentError(absl::StrCat("chunk: more than header.size_bytes, ", size_));
  hash_.Update(data);
  while (!data.empty()) {
    const ssize_t written = write(file_, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return IoError("write");
    data.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Module> BlobStore::Upload::Finish() {
  if (received_ != size_)
    return absl::InvalidArgumentError(
        absl::StrCat("header.size_bytes: ", size_, ", ", received_, " bytes came"));
  const std::string actual = hash_.Hex();
  if (actual != sha256_)
    return absl::InvalidArgumentError(
        absl::StrCat("header.sha256: ", sha256_, ", the bytes have ", actual));
  if (fsync(file_) != 0) return IoError("sync");
  if (rename(path_.c_str(), store_.PathOf(sha256_).c_str()) != 0) return IoError("rename");
  close(file_);
  file_ = -1;
  RETURN_IF_ERROR(SyncFolder(store_.folder_));
  return store_.Get(sha256_);
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

absl::StatusOr<std::string> BlobStore::Read(const std::string& sha256) const {
  RETURN_IF_ERROR(Get(sha256).status());
  std::ifstream file(PathOf(sha256), std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  if (!file) return absl::InternalError(absl::StrCat("modules: ", sha256, " cannot be read"));
  return bytes.str();
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
  RETURN_IF_ERROR(Get(sha256).status());
  if (unlink(PathOf(sha256).c_str()) != 0) return IoError("delete");
  return SyncFolder(folder_);
}

}  // namespace automap

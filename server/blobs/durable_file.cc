#include "server/blobs/durable_file.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr char kMark[] = ".new-";
constexpr size_t kDigits = 8;

// Of this process: replicas may share a folder.
const std::string& Ending() {
  static const std::string& ending = *new std::string([] {
    unsigned char bytes[kDigits / 2];
    RAND_bytes(bytes, sizeof(bytes));
    return absl::StrCat(kMark, absl::BytesToHexString(absl::string_view(
                                   reinterpret_cast<const char*>(bytes), sizeof(bytes))));
  }());
  return ending;
}

absl::Status WriteAndSync(int file, absl::string_view bytes, const std::string& points) {
  RETURN_IF_ERROR(FailpointStatus(points + ".before_write"));
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return IoError("write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  RETURN_IF_ERROR(FailpointStatus(points + ".after_write"));
  return fsync(file) == 0 ? absl::OkStatus() : IoError("sync");
}

}  // namespace

absl::Status IoError(absl::string_view what) {
  const int error = errno;
  const std::string text = absl::StrCat(what, ": ", std::strerror(error));
  return error == ENOSPC || error == EDQUOT
             ? WithReason(absl::ResourceExhaustedError(text), "STORE_FULL")
             : absl::UnavailableError(text);
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const absl::Status status = synced ? absl::OkStatus() : IoError("sync");
  if (fd >= 0) close(fd);
  return status;
}

absl::Status WriteDurably(const std::string& folder, const std::string& name,
                          absl::string_view bytes, const std::string& points) {
  const std::string path = absl::StrCat(folder, "/", name);
  const std::string beside = path + Ending();
  const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return IoError("create");
  absl::Status status = WriteAndSync(file, bytes, points);
  close(file);
  if (status.ok()) status = FailpointStatus(points + ".before_rename");
  if (status.ok() && rename(beside.c_str(), path.c_str()) != 0) status = IoError("rename");
  if (!status.ok()) {
    unlink(beside.c_str());
    return status;
  }
  RETURN_IF_ERROR(FailpointStatus(points + ".after_rename"));
  RETURN_IF_ERROR(SyncFolder(folder));
  return FailpointStatus(points + ".after_folder_sync");
}

bool IsUnfinished(absl::string_view name) {
  const size_t length = sizeof(kMark) - 1 + kDigits;
  return name.size() > length && name.substr(name.size() - length, sizeof(kMark) - 1) == kMark;
}

}  // namespace automap

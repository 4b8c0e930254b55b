#include "server/blobs/checkpoint_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "server/blobs/durable_file.h"

namespace automap {
namespace {

constexpr absl::string_view kPrefix = "planJobs/";
constexpr absl::Duration kUnfinishedAge = absl::Hours(1);

std::string FileOf(const std::string& job) { return std::string(absl::StripPrefix(job, kPrefix)); }

bool IsOld(const std::filesystem::path& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 &&
         absl::Now() - absl::FromTimeT(info.st_mtime) > kUnfinishedAge;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::Open(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": cannot be made: ", error.message()));
  return std::unique_ptr<CheckpointStore>(new CheckpointStore(folder));
}

std::string CheckpointStore::PathOf(const std::string& job) const {
  return absl::StrCat(folder_, "/", FileOf(job));
}

absl::Status CheckpointStore::Save(const std::string& job, absl::string_view bytes) {
  return WriteDurably(folder_, FileOf(job), bytes, "checkpoint");
}

std::string CheckpointStore::Load(const std::string& job) const {
  if (Failpoint("checkpoint.before_read")) return "";
  std::ifstream file(PathOf(job), std::ios::binary);
  if (!file) return "";
  std::stringstream stream;
  stream << file.rdbuf();
  return file ? stream.str() : std::string();
}

void CheckpointStore::Remove(const std::string& job) {
  if (Failpoint("checkpoint.before_remove")) return;
  unlink(PathOf(job).c_str());
  Failpoint("checkpoint.after_remove");
}

void CheckpointStore::RemoveOthers(const std::function<bool(const std::string& job)>& is_needed) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    const bool stays =
        IsUnfinished(name) ? !IsOld(entry.path()) : is_needed(absl::StrCat(kPrefix, name));
    if (!stays) unlink(entry.path().c_str());
  }
}

}  // namespace automap

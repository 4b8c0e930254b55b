// The newest checkpoint of each job that runs, as a file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

// Keeps bytes; whether they are whole and of the right question is for the worker to say, which
// sealed them (server/worker/checkpoint.h). Replicas may share the folder: any checkpoint of a job
// leads to the same plan, so that it does not matter whose was the last. Thread-safe.
class CheckpointStore {
 public:
  // Creates the folder where it is missing.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> Open(const std::string& folder);

  absl::Status Save(const std::string& job, absl::string_view bytes);
  // Empty when there is none, or it cannot be read.
  std::string Load(const std::string& job) const;
  void Remove(const std::string& job);
  // Of all jobs that `is_needed` does not want, and what was left unfinished for an hour.
  void RemoveOthers(const std::function<bool(const std::string& job)>& is_needed);

 private:
  explicit CheckpointStore(std::string folder) : folder_(std::move(folder)) {}
  std::string PathOf(const std::string& job) const;
  const std::string folder_;
};

}  // namespace automap

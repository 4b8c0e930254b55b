// What of a training step no cluster and no strategy changes: its phases and its batch.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "planner/explore/pipeline/batch.h"
#include "planner/explore/pipeline/phases.h"

namespace automap {

// Each is worked out when it is first asked for, and kept. The module must outlive it. Not
// thread-safe.
class StepFacts {
 public:
  explicit StepFacts(const PreparedModule& module) : module_(module) {}

  const PreparedModule& module() const { return module_; }
  // Errors as FindPhases.
  absl::StatusOr<std::shared_ptr<const StepPhases>> Phases();
  // As FindBatch.
  std::shared_ptr<const Batch> BatchIn(int64_t parts);

 private:
  const PreparedModule& module_;
  std::optional<absl::StatusOr<std::shared_ptr<const StepPhases>>> phases_;
  std::map<int64_t, std::shared_ptr<const Batch>> batches_;  // by parts
};

}  // namespace automap

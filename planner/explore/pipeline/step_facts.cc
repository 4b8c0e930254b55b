#include "planner/explore/pipeline/step_facts.h"

namespace automap {

absl::StatusOr<std::shared_ptr<const StepPhases>> StepFacts::Phases() {
  if (!phases_) {
    absl::StatusOr<StepPhases> found = FindPhases(module_.graph(), module_.roles());
    if (found.ok()) {
      phases_ = std::make_shared<const StepPhases>(*std::move(found));
    } else {
      phases_ = found.status();
    }
  }
  return *phases_;
}

std::shared_ptr<const Batch> StepFacts::BatchIn(int64_t parts) {
  std::shared_ptr<const Batch>& batch = batches_[parts];
  if (batch == nullptr) batch = std::make_shared<const Batch>(FindBatch(module_, parts));
  return batch;
}

}  // namespace automap

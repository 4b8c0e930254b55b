// The seam for pipeline schedules: in which order a group of devices runs its work. To add one:
// write it beside gpipe.cc, put it into its row in catalog.cc; the contract in
// tests/contracts/pipeline_contract.h runs over every row.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "simulator/pipeline/pipeline.h"

namespace automap {

// The forward or the backward pass of one micro-batch through one stage.
struct PipelineTask {
  bool is_backward = false;
  int32_t stage = 0;
  int32_t micro_batch = 0;
  bool operator==(const PipelineTask&) const = default;
};

// Contract: a group's order holds the forward and the backward of every micro-batch in each of its
// stages exactly once, the forward first; the orders of all groups together never wait in a circle.
class PipelineSchedule {
 public:
  virtual ~PipelineSchedule() = default;
  // INVALID_ARGUMENT when the schedule cannot run this shape.
  virtual absl::Status Check(const Pipeline& pipeline) const = 0;
  // What group `group` runs, in order. O(micro-batches x chunks).
  virtual std::vector<PipelineTask> Order(const Pipeline& pipeline, int32_t group) const = 0;
};

struct PipelineScheduleRow {
  const char* name;  // as in plans
  const PipelineSchedule* schedule;
};

absl::Span<const PipelineScheduleRow> PipelineScheduleCatalog();

// The schedule of that name, or null.
const PipelineSchedule* FindPipelineSchedule(absl::string_view name);

}  // namespace automap

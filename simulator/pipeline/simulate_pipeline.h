// Plays a pipelined step event by event.
//
// Rules: a group of devices runs one task at a time, in its schedule's order, and never waits
// longer than for that task's input. A transfer starts when its task ends and its link is free; it
// occupies the link of its direction (links are full duplex), never the devices, so it overlaps
// with compute. A group's gradient all-reduce starts after its last backward, while other groups
// still drain, and its update follows.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "simulator/pipeline/pipeline_schedule.h"

namespace automap {

enum class PipelineEventKind { kForward, kBackward, kSend, kSendBack, kGradientSync, kUpdate };

struct PipelineEvent {
  PipelineEventKind kind = PipelineEventKind::kForward;
  int32_t group = 0;        // whose devices, or whose outgoing link
  int32_t stage = 0;        // -1 for once-a-step work
  int32_t micro_batch = 0;  // -1 for once-a-step work
  Seconds start, end;
  bool operator==(const PipelineEvent&) const = default;
};

struct PipelineRun {
  Seconds length;                     // from the first forward to the last update
  std::vector<Seconds> busy;          // by group: forwards and backwards
  std::vector<Bytes> peak;            // by group: resident plus activations in flight
  std::vector<int32_t> in_flight;     // by group: forwards whose backward has not ended, at most
  std::vector<PipelineEvent> events;  // by group in order of execution; empty unless asked for
  // Share of the groups' time in which they compute nothing. 0..1.
  double BubbleShare() const;
};

// INVALID_ARGUMENT as CheckPipeline and the schedule's Check. O(stages x micro-batches).
absl::StatusOr<PipelineRun> SimulatePipeline(const Pipeline& pipeline,
                                             const PipelineSchedule& schedule,
                                             bool keep_events = false);

}  // namespace automap

// What happens when in a step, to be drawn.
#pragma once

#include <string>
#include <vector>

#include "simulator/evaluate.h"
#include "simulator/pipeline/simulate_pipeline.h"

namespace automap {

enum class TimelineCategory { kCompute, kForward, kBackward, kCollective, kTransfer, kUpdate };

// Lower-case, for files.
const char* TimelineCategoryName(TimelineCategory category);

struct TimelineEvent {
  int32_t row = 0;
  TimelineCategory category = TimelineCategory::kCompute;
  std::string name;
  Seconds start, end;
  bool operator==(const TimelineEvent&) const = default;
};

struct MemoryPoint {
  Seconds time;
  Bytes bytes;  // from then on
  bool operator==(const MemoryPoint&) const = default;
};

// Memory of one row's device.
struct MemoryProfile {
  std::string name;
  std::vector<MemoryPoint> points;  // in order of time
  bool operator==(const MemoryProfile&) const = default;
};

// Rows stand for devices or stages; events of a row do not overlap and come in order of time.
struct Timeline {
  std::string title;
  std::vector<std::string> rows;
  std::vector<TimelineEvent> events;
  std::vector<MemoryProfile> memory;
  Bytes memory_limit;
  Seconds length;
  bool operator==(const Timeline&) const = default;
};

// One row for all devices of a mesh, which do the same at the same time. `name_of` names steps by
// their label. Steps that are shorter than `coarsest` and follow one another are one event, named
// after the longest of them. O(steps + buffers).
struct StepNames {
  // "main/call.12/dot.5" of a step's label; empty for -1.
  virtual std::string NameOf(int32_t label) const = 0;
  virtual ~StepNames() = default;
};
Timeline ProgramTimeline(const CostModel& model, const Program& program, const StepNames& names,
                         Seconds coarsest);

// One row for each group of devices, and one below it for each direction in which it sends. The run
// must have its events.
Timeline PipelineTimeline(const Pipeline& pipeline, const PipelineRun& run);

// The same rows for each of `devices` devices, at most `most` of them.
Timeline ForEachDevice(const Timeline& timeline, int32_t devices, int32_t most);

}  // namespace automap

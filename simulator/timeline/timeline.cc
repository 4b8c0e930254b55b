#include "simulator/timeline/timeline.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "simulator/collective/catalog.h"

namespace automap {
namespace {

struct Piece {
  TimelineCategory category = TimelineCategory::kCompute;
  int32_t label = -1;
  const char* kind = "";  // of a collective
  Seconds time;
};

Piece PieceOf(const CostModel& model, const Step& step) {
  if (const auto* compute = std::get_if<ComputeStep>(&step))
    return {TimelineCategory::kCompute, compute->label, "", model.StepTime(*compute)};
  const auto& collective = std::get<CollectiveStep>(step);
  return {TimelineCategory::kCollective, collective.label,
          CollectiveCatalog()[static_cast<int>(collective.kind)].name, model.StepTime(collective)};
}

// Joins short neighbours of one category.
class EventJoiner {
 public:
  EventJoiner(const StepNames& names, Seconds coarsest, Timeline& timeline)
      : names_(names), coarsest_(coarsest), timeline_(timeline) {}

  void Add(const Piece& piece) {
    const bool joins = count_ > 0 && piece.category == longest_.category && total_ < coarsest_ &&
                       piece.time < coarsest_;
    if (!joins) Flush();
    if (count_ == 0 || piece.time > longest_.time) longest_ = piece;
    total_ += piece.time;
    ++count_;
  }

  void Flush() {
    if (count_ > 0 && total_.value > 0) {
      std::string name = names_.NameOf(longest_.label);
      if (*longest_.kind != '\0') name = absl::StrCat(longest_.kind, " ", name);
      if (count_ > 1) absl::StrAppend(&name, " and ", count_ - 1, " more");
      timeline_.events.push_back({0, longest_.category, name, now_, now_ + total_});
    }
    now_ += total_;
    total_ = {0};
    count_ = 0;
  }

 private:
  const StepNames& names_;
  const Seconds coarsest_;
  Timeline& timeline_;
  Seconds now_, total_;
  Piece longest_;
  int count_ = 0;
};

MemoryProfile ProfileOf(const Program& program, const std::vector<Seconds>& starts) {
  MemoryProfile profile = {"each device", {}};
  std::vector<double> change(program.steps.size() + 1, 0);
  for (const Buffer& buffer : program.buffers) {
    change[buffer.first_step] += buffer.bytes.value;
    change[buffer.last_step + 1] -= buffer.bytes.value;
  }
  double live = 0;
  for (size_t step = 0; step < program.steps.size(); ++step) {
    live += change[step];
    if (change[step] != 0 || step == 0) profile.points.push_back({starts[step], {live}});
  }
  return profile;
}

TimelineCategory CategoryOf(PipelineEventKind kind) {
  switch (kind) {
    case PipelineEventKind::kForward:
      return TimelineCategory::kForward;
    case PipelineEventKind::kBackward:
      return TimelineCategory::kBackward;
    case PipelineEventKind::kSend:
    case PipelineEventKind::kSendBack:
      return TimelineCategory::kTransfer;
    case PipelineEventKind::kGradientSync:
      return TimelineCategory::kCollective;
    case PipelineEventKind::kUpdate:
      return TimelineCategory::kUpdate;
  }
  return TimelineCategory::kCompute;
}

std::string NameOf(const PipelineEvent& event) {
  switch (event.kind) {
    case PipelineEventKind::kForward:
      return absl::StrCat("F", event.micro_batch);
    case PipelineEventKind::kBackward:
      return absl::StrCat("B", event.micro_batch);
    case PipelineEventKind::kSend:
      return absl::StrCat("send ", event.micro_batch);
    case PipelineEventKind::kSendBack:
      return absl::StrCat("send back ", event.micro_batch);
    case PipelineEventKind::kGradientSync:
      return "gradients";
    case PipelineEventKind::kUpdate:
      return "update";
  }
  return "";
}

// Activations come with a forward's start and go with its backward's end.
std::vector<MemoryProfile> MemoryOf(const Pipeline& pipeline, const PipelineRun& run) {
  std::vector<MemoryProfile> memory(pipeline.groups());
  std::vector<Bytes> held(pipeline.groups());
  for (size_t s = 0; s < pipeline.stages.size(); ++s)
    held[s % pipeline.groups()] += pipeline.stages[s].resident;
  for (int32_t group = 0; group < pipeline.groups(); ++group) {
    memory[group].name = absl::StrCat("stage ", group);
    memory[group].points.push_back({{0}, held[group]});
  }
  for (const PipelineEvent& event : run.events) {
    const bool begins = event.kind == PipelineEventKind::kForward;
    if (!begins && event.kind != PipelineEventKind::kBackward) continue;
    const Bytes bytes = pipeline.stages[event.stage].activations;
    held[event.group] += begins ? bytes : bytes * -1;
    memory[event.group].points.push_back({begins ? event.start : event.end, held[event.group]});
  }
  return memory;
}

}  // namespace

const char* TimelineCategoryName(TimelineCategory category) {
  static constexpr const char* kNames[] = {"compute",    "forward",  "backward",
                                           "collective", "transfer", "update"};
  return kNames[static_cast<int>(category)];
}

Timeline ProgramTimeline(const CostModel& model, const Program& program, const StepNames& names,
                         Seconds coarsest) {
  Timeline timeline;
  timeline.rows = {"each device"};
  timeline.memory_limit = model.memory_limit();
  EventJoiner joiner(names, coarsest, timeline);
  std::vector<Seconds> starts;
  for (const Step& step : program.steps) {
    const Piece piece = PieceOf(model, step);
    starts.push_back(timeline.length);
    joiner.Add(piece);
    timeline.length += piece.time;
  }
  joiner.Flush();
  timeline.memory.push_back(ProfileOf(program, starts));
  return timeline;
}

Timeline PipelineTimeline(const Pipeline& pipeline, const PipelineRun& run) {
  Timeline timeline;
  timeline.length = run.length;
  // By group: its devices', and its two directions', which are busy at the same time.
  enum Place { kDevices, kSends, kSendsBack, kPlaces };
  const auto place_of = [](PipelineEventKind kind) {
    return kind == PipelineEventKind::kSend       ? kSends
           : kind == PipelineEventKind::kSendBack ? kSendsBack
                                                  : kDevices;
  };
  std::vector<std::array<int32_t, kPlaces>> row_of(pipeline.groups(), {-1, -1, -1});
  for (const PipelineEvent& event : run.events) row_of[event.group][place_of(event.kind)] = 0;
  for (int32_t group = 0; group < pipeline.groups(); ++group) {
    const char* const names[] = {"", " sends", " sends back"};
    for (const Place place : {kDevices, kSends, kSendsBack}) {
      if (row_of[group][place] < 0) continue;
      row_of[group][place] = static_cast<int32_t>(timeline.rows.size());
      timeline.rows.push_back(absl::StrCat("stage ", group, names[place]));
    }
  }
  for (const PipelineEvent& event : run.events) {
    timeline.events.push_back({row_of[event.group][place_of(event.kind)], CategoryOf(event.kind),
                               NameOf(event), event.start, event.end});
  }
  std::stable_sort(timeline.events.begin(), timeline.events.end(),
                   [](const TimelineEvent& a, const TimelineEvent& b) {
                     return a.row != b.row ? a.row < b.row : a.start < b.start;
                   });
  timeline.memory = MemoryOf(pipeline, run);
  return timeline;
}

Timeline ForEachDevice(const Timeline& timeline, int32_t devices, int32_t most) {
  Timeline all = timeline;
  all.rows.clear();
  all.events.clear();
  for (int32_t device = 0; device < std::min(devices, most); ++device) {
    const int32_t first = static_cast<int32_t>(all.rows.size());
    for (const std::string& row : timeline.rows) {
      all.rows.push_back(timeline.rows.size() == 1 ? absl::StrCat("device ", device)
                                                   : absl::StrCat("device ", device, " ", row));
    }
    for (TimelineEvent event : timeline.events) {
      event.row += first;
      all.events.push_back(std::move(event));
    }
  }
  return all;
}

}  // namespace automap

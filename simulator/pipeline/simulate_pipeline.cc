#include "simulator/pipeline/simulate_pipeline.h"

#include <algorithm>
#include <limits>

#include "base/status_macros.h"

namespace automap {
namespace {

constexpr double kNotYet = std::numeric_limits<double>::infinity();

class PipelinePlayer {
 public:
  PipelinePlayer(const Pipeline& pipeline, const PipelineSchedule& schedule, bool keep_events)
      : pipeline_(pipeline),
        groups_(pipeline.groups()),
        count_(pipeline.micro_batches),
        keep_events_(keep_events),
        ready_{std::vector<double>(pipeline.stages.size() * count_, kNotYet),
               std::vector<double>(pipeline.stages.size() * count_, kNotYet)},
        next_(groups_, 0),
        free_(groups_, 0),
        link_free_{std::vector<double>(groups_, 0), std::vector<double>(groups_, 0)},
        held_(groups_, Bytes{0}),
        in_flight_(groups_, 0) {
    for (int32_t group = 0; group < groups_; ++group)
      orders_.push_back(schedule.Order(pipeline, group));
    for (int32_t m = 0; m < count_; ++m) ready_[0][m] = 0;
    run_.busy.resize(groups_);
    run_.in_flight.resize(groups_);
    for (size_t s = 0; s < pipeline.stages.size(); ++s)
      held_[s % groups_] += pipeline.stages[s].resident;
    run_.peak = held_;
  }

  // False when the orders wait for each other in a circle.
  bool Play() {
    std::vector<int32_t> waiting;
    for (int32_t group = groups_ - 1; group >= 0; --group) waiting.push_back(group);
    while (!waiting.empty()) {
      const int32_t group = waiting.back();
      waiting.pop_back();
      woken_.clear();
      while (next_[group] < orders_[group].size() && RunNext(group)) {
      }
      waiting.insert(waiting.end(), woken_.begin(), woken_.end());
    }
    for (int32_t group = 0; group < groups_; ++group) {
      if (next_[group] < orders_[group].size()) return false;
      Finish(group);
    }
    return true;
  }

  PipelineRun Take() && { return std::move(run_); }

 private:
  bool RunNext(int32_t group) {
    const PipelineTask task = orders_[group][next_[group]];
    const double input = ready_[task.is_backward][task.stage * count_ + task.micro_batch];
    if (input == kNotYet) return false;
    ++next_[group];
    const PipelineStage& stage = pipeline_.stages[task.stage];
    const double start = std::max(free_[group], input);
    const Seconds time = task.is_backward ? stage.backward : stage.forward;
    const double end = start + time.value;
    free_[group] = end;
    run_.busy[group] += time;
    if (task.is_backward) {
      held_[group] -= stage.activations;
      --in_flight_[group];
    } else {
      held_[group] += stage.activations;
      run_.in_flight[group] = std::max(run_.in_flight[group], ++in_flight_[group]);
      run_.peak[group] = std::max(run_.peak[group], held_[group]);
    }
    Record({task.is_backward ? PipelineEventKind::kBackward : PipelineEventKind::kForward,
            group,
            task.stage,
            task.micro_batch,
            {start},
            {end}});
    Deliver(group, task, end);
    return true;
  }

  // Makes the input of the task that follows ready, over a link where that is another group's.
  void Deliver(int32_t group, const PipelineTask& task, double end) {
    const int32_t last = static_cast<int32_t>(pipeline_.stages.size()) - 1;
    const int32_t next = task.stage + (task.is_backward ? -1 : 1);
    if (!task.is_backward && task.stage == last) {
      ready_[1][task.stage * count_ + task.micro_batch] = end;
      return;
    }
    if (next < 0) return;
    const int32_t receiver = next % groups_;
    double arrival = end;
    if (receiver != group) {
      const Seconds time =
          task.is_backward ? pipeline_.stages[next].send_back : pipeline_.stages[task.stage].send;
      double& link = link_free_[task.is_backward][group];
      const double start = std::max(link, end);
      arrival = link = start + time.value;
      if (time.value > 0) {
        Record({task.is_backward ? PipelineEventKind::kSendBack : PipelineEventKind::kSend,
                group,
                task.stage,
                task.micro_batch,
                {start},
                {arrival}});
      }
    }
    ready_[task.is_backward][next * count_ + task.micro_batch] = arrival;
    if (receiver != group) woken_.push_back(receiver);
  }

  void Finish(int32_t group) {
    Seconds sync, update;
    for (size_t s = group; s < pipeline_.stages.size(); s += groups_) {
      sync += pipeline_.stages[s].gradient_sync;
      update += pipeline_.stages[s].update;
    }
    const Seconds start = {free_[group]}, synced = start + sync, end = synced + update;
    if (sync.value > 0) Record({PipelineEventKind::kGradientSync, group, -1, -1, start, synced});
    if (update.value > 0) Record({PipelineEventKind::kUpdate, group, -1, -1, synced, end});
    run_.length = std::max(run_.length, end);
  }

  void Record(const PipelineEvent& event) {
    if (keep_events_) run_.events.push_back(event);
  }

  const Pipeline& pipeline_;
  const int32_t groups_;
  const int32_t count_;
  const bool keep_events_;
  std::vector<std::vector<PipelineTask>> orders_;
  std::vector<double> ready_[2];  // forward, backward; by stage and micro-batch
  std::vector<size_t> next_;      // by group: its first task that has not run
  std::vector<double> free_;
  std::vector<double> link_free_[2];  // by sending group
  std::vector<Bytes> held_;
  std::vector<int32_t> in_flight_;
  std::vector<int32_t> woken_;
  PipelineRun run_;
};

}  // namespace

double PipelineRun::BubbleShare() const {
  Seconds sum;
  for (const Seconds time : busy) sum += time;
  const double all = length.value * static_cast<double>(busy.size());
  return all > 0 ? 1 - sum.value / all : 0;
}

absl::StatusOr<PipelineRun> SimulatePipeline(const Pipeline& pipeline,
                                             const PipelineSchedule& schedule, bool keep_events) {
  RETURN_IF_ERROR(CheckPipeline(pipeline));
  RETURN_IF_ERROR(schedule.Check(pipeline));
  PipelinePlayer player(pipeline, schedule, keep_events);
  if (!player.Play()) return absl::InternalError("pipeline: the schedule waits in a circle");
  PipelineRun run = std::move(player).Take();
  std::stable_sort(
      run.events.begin(), run.events.end(),
      [](const PipelineEvent& a, const PipelineEvent& b) { return a.group < b.group; });
  return run;
}

}  // namespace automap

#include "planner/oracle/cut_figures.h"

#include "base/most.h"

namespace automap {

CutFigures CutFormulas::InFront(const PipelineStage& stage, double send, int32_t after,
                                const CutFigures& suffix) const {
  const double f = stage.forward.value, b = stage.backward.value, m = micro_batches_;
  const int32_t held = std::min(micro_batches_, after + 1);
  // For a stage that holds so many to be through with the first of them; `next` is what each
  // takes on the next stage.
  const auto wait_for = [&](int32_t holds, double way, double time, double next) {
    return time + std::max(0, holds - 1) * Most(time, send, next) + 2 * send + way;
  };
  const auto wait = [&](double time, double next) {
    return Most(held * time, wait_for(1, suffix.way, time, 0),
                wait_for(std::min(micro_batches_, after), suffix.first, time, next),
                wait_for(std::min(micro_batches_, after - 1), suffix.second, time, next));
  };
  const double wait_forward = wait(f, suffix.forward), wait_backward = wait(b, suffix.backward);
  const int32_t steps = micro_batches_ - held;
  const double forwards =
      steps > 0 ? wait_forward + Middle(steps, f + b, suffix, send, after) : m * f;
  CutFigures made;
  made.way = f + b + 2 * send + suffix.way;
  made.forward = f, made.backward = b;
  made.first = f + b;
  made.second = made.first + (after > 0 ? 2 * send + suffix.first : 0);
  made.term = Most(forwards + wait_backward, f + b + 2 * send + suffix.term,
                   made.way + (m - 1) * send, steps > 0 ? 0 : wait_forward + m * b);
  if (after == 0) return made;
  made.journey = f + send + suffix.journey;
  made.end = std::max(f + send + suffix.end,
                      std::max(forwards, f + (m - 1) * send) + send + suffix.journey);
  return made;
}

// From a stage's first backward to its last forward, in `steps` >= 1 times a backward and a
// forward of `both` seconds: waiting for the next stage every second time, for the next but one
// every third, or for the last one each time that all it holds are on their way.
double CutFormulas::Middle(int32_t steps, double both, const CutFigures& suffix, double send,
                           int32_t after) const {
  const double slow = after > 0 ? Most(both, suffix.first, send) : both;
  const auto through = [&](int32_t stages, double way) {
    const int32_t trips = (steps - 1) / stages;
    return trips * (both + way) + both + (steps - 1 - stages * trips) * slow;
  };
  if (after == 0) return steps * both;
  return Most(through(1, 0), through(2, 2 * send + suffix.first),
              through(std::min(3, after + 1), 2 * send + suffix.second),
              through(after + 1, 2 * send + suffix.way));
}

double CutFormulas::LeastLength(const CutFigures& figures, double send, int32_t after,
                                const PrefixBound& before) const {
  const double m = micro_batches_;
  const double way = figures.way + before.way + 2 * send;
  // A stage that holds fewer than all waits for the first and for the last.
  const double waits =
      m > stages_ ? (m - stages_ + 1) * before.slowest + 2 * (figures.way + 2 * send) : 0;
  // The stage right before waits for every second micro-batch, or whenever all that it holds are
  // on their way.
  const int32_t steps = micro_batches_ - after - 2;
  const double turns =
      steps > 0 ? way + figures.way + 2 * send + Middle(steps, 0, figures, send, after + 1) : 0;
  return Most(way + before.lateness, figures.way + before.late + 2 * send, way + (m - 1) * send,
              figures.term + before.end + 2 * send, figures.end + before.there + send,
              m * before.slowest, waits, turns);
}

}  // namespace automap

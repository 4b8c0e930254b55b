// What the stages of a pipeline before a suffix of them can feel of it, and what a stage in front
// makes of that: the recurrences of best_cuts.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "planner/oracle/prefix_bounds.h"
#include "simulator/pipeline/pipeline.h"

namespace automap {

// Of a suffix of stages, in seconds: a micro-batch's forward and backward in its first stage; both
// ways through that, its first two and all; the others as in best_cuts.h.
struct CutFigures {
  double forward = 0, backward = 0;
  double first = 0, second = 0, way = 0, term = 0, end = 0, journey = 0;

  // Each on its own.
  void TakeLeast(const CutFigures& other) {
    Combine(other, [](double ours, double theirs) { return std::min(ours, theirs); });
  }
  void TakeMost(const CutFigures& other) {
    Combine(other, [](double ours, double theirs) { return std::max(ours, theirs); });
  }
  bool IsWithin(const CutFigures& most) const {
    return way <= most.way && term <= most.term && end <= most.end && first <= most.first &&
           second <= most.second && journey <= most.journey && forward <= most.forward &&
           backward <= most.backward;
  }

 private:
  template <typename Pick>
  void Combine(const CutFigures& other, const Pick& pick) {
    for (double CutFigures::*figure :
         {&CutFigures::forward, &CutFigures::backward, &CutFigures::first, &CutFigures::second,
          &CutFigures::way, &CutFigures::term, &CutFigures::end, &CutFigures::journey})
      this->*figure = pick(this->*figure, other.*figure);
  }
};

// Of pipelines of so many stages by 1F1B with so many micro-batches. `after` is the number of
// stages behind the stage in question, `send` the seconds of the transfer in front of a suffix, one
// way.
class CutFormulas {
 public:
  CutFormulas(int32_t stages, int32_t micro_batches)
      : stages_(stages), micro_batches_(micro_batches) {}

  // `stage` in front of a suffix, but for what its own all-reduce and update make longer.
  CutFigures InFront(const PipelineStage& stage, double send, int32_t after,
                     const CutFigures& suffix) const;
  // The least length of pipelines that end with that stage and the suffix behind it, by what the
  // stages before come to at least: that adds up with each form of InFront on its own.
  double LeastLength(const CutFigures& figures, double send, int32_t after,
                     const PrefixBound& before) const;

 private:
  double Middle(int32_t steps, double both, const CutFigures& suffix, double send,
                int32_t after) const;

  const int32_t stages_, micro_batches_;
};

}  // namespace automap

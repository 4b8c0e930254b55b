// What every pipeline schedule promises (simulator/pipeline/pipeline_schedule.h).
#pragma once

#include <algorithm>

#include "gtest/gtest.h"
#include "simulator/pipeline/simulate_pipeline.h"

namespace automap {

// Equal stages without transfers: f and b seconds each.
inline Pipeline BalancedPipeline(int groups, int chunks, int micro_batches, double f, double b) {
  Pipeline pipeline = {{}, micro_batches, chunks};
  for (int s = 0; s < groups * chunks; ++s) {
    PipelineStage& stage = pipeline.stages.emplace_back();
    stage.forward = {f}, stage.backward = {b};
  }
  return pipeline;
}

inline void CheckPipelineContract(const PipelineSchedule& schedule) {
  for (const int groups : {1, 2, 3, 4, 8}) {
    for (const int chunks : {1, 2, 3}) {
      for (const int micro_batches : {1, 2, 4, 7, 24}) {
        const Pipeline pipeline = BalancedPipeline(groups, chunks, micro_batches, 1, 2);
        if (!schedule.Check(pipeline).ok()) continue;
        for (int group = 0; group < groups; ++group) {
          const auto order = schedule.Order(pipeline, group);
          ASSERT_EQ(order.size(), 2u * chunks * micro_batches);
          for (size_t i = 0; i < order.size(); ++i) {
            ASSERT_EQ(order[i].stage % groups, group);
            ASSERT_EQ(std::count(order.begin(), order.end(), order[i]), 1) << "each task once";
            PipelineTask forward = order[i];
            forward.is_backward = false;
            ASSERT_LE(std::find(order.begin(), order.end(), forward) - order.begin(),
                      static_cast<ptrdiff_t>(i))
                << "the forward comes first";
          }
        }
        const auto run = SimulatePipeline(pipeline, schedule);
        ASSERT_TRUE(run.ok()) << run.status();
        ASSERT_GE(run->length.value, 3.0 * chunks * micro_batches) << "never below a group's work";
      }
    }
  }
}

}  // namespace automap

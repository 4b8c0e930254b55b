#include "simulator/pipeline/simulated_length.h"

#include "gtest/gtest.h"
#include "simulator/pipeline/pipeline_schedule.h"
#include "simulator/pipeline/simulate_pipeline.h"
#include "tests/support/random_pipelines.h"

namespace automap {
namespace {

TEST(SimulatedLength, IsThatOfTheSimulationToTheLastBit) {
  RandomPipelines random;
  for (const double most_send : {0.0, 0.3, 1.5, 4.0}) {
    for (int i = 0; i < 2500; ++i) {
      Pipeline pipeline = random.Next(most_send, 3);
      for (PipelineStage& stage : pipeline.stages) {
        stage.send_back = stage.send * (i % 3);
        stage.update = stage.forward * (i % 2);
      }
      ASSERT_EQ(SimulatedLength(pipeline.stages, pipeline.micro_batches).value,
                SimulatePipeline(pipeline, *FindPipelineSchedule("1F1B"))->length.value)
          << pipeline.stages.size() << " stages, " << pipeline.micro_batches << " micro-batches";
    }
  }
}

TEST(SimulatedLength, OfManyStagesAndOfOne) {
  const PipelineStage stage = {{1}, {2}, {0.5}, {0.5}, {3}, {4}, {}, {}};
  for (const int32_t stages : {1, 65, 200}) {
    for (const int32_t micro_batches : {1, 100, 300}) {
      const Pipeline pipeline = {std::vector<PipelineStage>(stages, stage), micro_batches};
      EXPECT_EQ(SimulatedLength(pipeline.stages, micro_batches).value,
                SimulatePipeline(pipeline, *FindPipelineSchedule("1F1B"))->length.value);
    }
  }
}

}  // namespace
}  // namespace automap

#include "simulator/pipeline/pipeline_length.h"

#include <algorithm>
#include <cstdio>

#include "gtest/gtest.h"
#include "simulator/pipeline/simulate_pipeline.h"
#include "tests/contracts/pipeline_contract.h"
#include "tests/support/random_pipelines.h"

namespace automap {
namespace {

TEST(PipelineLength, OfBalancedStagesIsTheClosedForm) {
  for (const int stages : {1, 2, 4, 16}) {
    for (const int m : {1, 3, 16, 100}) {
      const double expected = (m + stages - 1) * 3.0;
      EXPECT_NEAR(PipelineLength(BalancedPipeline(stages, 1, m, 1, 2).stages, m).value, expected,
                  1e-9 * expected);
    }
  }
}

struct Spread {
  double median = 0, p95 = 0, worst = 0;
  int above = 0;
};

// Errors of L on random pipelines.
Spread ErrorsOf(double most_send, double most_sync, int count) {
  RandomPipelines random;
  std::vector<double> errors;
  Spread spread;
  for (int i = 0; i < count; ++i) {
    const Pipeline pipeline = random.Next(most_send, most_sync);
    const double length = SimulatePipeline(pipeline, *FindPipelineSchedule("1F1B"))->length.value;
    const double error = PipelineLength(pipeline.stages, pipeline.micro_batches).value / length - 1;
    spread.above += error > 1e-9;
    errors.push_back(std::abs(error));
  }
  std::sort(errors.begin(), errors.end());
  spread.median = errors[count / 2];
  spread.p95 = errors[count * 95 / 100];
  spread.worst = errors.back();
  std::printf(
      "sends up to %.1f, all-reduces up to %.1f: median %.3f%%, p95 %.2f%%, worst %.1f%%, "
      "above in %d of %d\n",
      most_send, most_sync, 100 * spread.median, 100 * spread.p95, 100 * spread.worst, spread.above,
      count);
  return spread;
}

TEST(PipelineLength, IsCloseToTheSimulationOnTenThousandPipelines) {
  const Spread hidden = ErrorsOf(0.3, 3, 10000);
  EXPECT_LE(hidden.median, 1e-6);
  EXPECT_LE(hidden.p95, 0.001);
  EXPECT_LE(hidden.worst, 0.035);
  const Spread slow = ErrorsOf(1.5, 3, 10000);
  EXPECT_LE(slow.median, 1e-6);
  EXPECT_LE(slow.p95, 0.015);
  EXPECT_LE(slow.worst, 0.05);
}

TEST(PipelineLength, NeverExceedsTheSimulation) {
  for (const double most_send : {0.0, 0.3, 1.5, 4.0}) {
    for (const double most_sync : {0.0, 3.0, 30.0})
      EXPECT_EQ(ErrorsOf(most_send, most_sync, 1000).above, 0);
  }
}

// Every transfer and all-reduce is long enough in some to be what decides.
TEST(PipelineLength, TheLeastIsNeverMoreAndMostlyClose) {
  std::vector<double> shortfalls;
  for (const double most_send : {0.0, 0.3, 4.0}) {
    for (const double most_sync : {0.0, 3.0, 100.0}) {
      RandomPipelines random;
      for (int i = 0; i < 2000; ++i) {
        const Pipeline pipeline = random.Next(most_send, most_sync);
        const double length = PipelineLength(pipeline.stages, pipeline.micro_batches).value;
        const double least = LeastPipelineLength(pipeline.stages, pipeline.micro_batches).value;
        ASSERT_LE(least, length * (1 + 1e-12));
        shortfalls.push_back(1 - least / length);
      }
    }
  }
  std::sort(shortfalls.begin(), shortfalls.end());
  const double median = shortfalls[shortfalls.size() / 2];
  std::printf("least below the length: median %.2f%%, p95 %.1f%%, worst %.1f%%\n", 100 * median,
              100 * shortfalls[shortfalls.size() * 95 / 100], 100 * shortfalls.back());
  EXPECT_LE(median, 1e-6);
}

TEST(PipelineLength, AnAllReduceIsOnlySeenWhereItOutlastsTheDrain) {
  Pipeline pipeline = BalancedPipeline(2, 1, 4, 1, 2);
  const double plain = PipelineLength(pipeline.stages, 4).value;
  pipeline.stages[1].gradient_sync = {3};
  EXPECT_EQ(PipelineLength(pipeline.stages, 4).value, plain + 1);
  pipeline.stages[0].backward = {20};  // the first stage ends long after the second
  EXPECT_NEAR(PipelineLength(pipeline.stages, 4).value,
              SimulatePipeline(pipeline, *FindPipelineSchedule("1F1B"))->length.value, 1e-9);
}

}  // namespace
}  // namespace automap

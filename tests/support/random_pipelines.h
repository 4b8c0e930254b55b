// Pipelines that nobody drew.
#pragma once

#include <cstdint>
#include <random>

#include "simulator/pipeline/pipeline.h"

namespace automap {

class RandomPipelines {
 public:
  // 1 to 16 stages and 1 to 64 micro-batches: stage times differ up to tenfold, transfers last up
  // to `most_send` and all-reduces up to `most_sync` of the longest forward.
  Pipeline Next(double most_send, double most_sync) {
    Pipeline pipeline;
    pipeline.micro_batches = 1 + static_cast<int32_t>(random_() % 64);
    const double least = Uniform(0.1, 1);
    for (int s = 1 + static_cast<int>(random_() % 16); s > 0; --s) {
      PipelineStage& stage = pipeline.stages.emplace_back();
      stage.forward = {Uniform(least, 1)};
      stage.backward = stage.forward * Uniform(1, 2.5);
      stage.send = stage.send_back = {Uniform(0, most_send)};
      stage.gradient_sync = {Uniform(0, most_sync)};
    }
    return pipeline;
  }

 private:
  double Uniform(double from, double to) {
    return from + (to - from) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }

  std::mt19937_64 random_{1};
};

}  // namespace automap

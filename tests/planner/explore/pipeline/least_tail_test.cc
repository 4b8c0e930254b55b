// What all-reduce and update take at least in parts beside what they take whole, for every range of
// layers and devices.
#include <algorithm>

#include "gtest/gtest.h"
#include "planner/explore/pipeline/generated_chain.h"
#include "planner/explore/pipeline/pipeline_problem.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

// The largest share of an all-reduce and update that its parts come to; more than 1 is wrong.
double MostOfTails(const PipelineProblem& problem) {
  double most = 0;
  for (int32_t begin = 0; begin < problem.layers(); begin += 5) {
    for (int32_t end = begin + 1; end <= problem.layers(); end += 7) {
      for (int32_t first = 0; first < problem.devices(); ++first) {
        for (int32_t last = first + 1; last <= problem.devices(); ++last) {
          const PipelineProblem::Range layers = {begin, end}, devices = {first, last};
          const Seconds parts = problem.LeastTail(end, devices) - problem.LeastTail(begin, devices);
          const Seconds whole =
              problem.GradientSync(layers, devices) + problem.TimesOf(layers, devices).update;
          if (whole.value > 0) most = std::max(most, parts / whole);
        }
      }
    }
  }
  return most;
}

TEST(LeastTail, IsNeverMoreThanTheStageTakes) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const auto generated = GeneratePipeline(seed);
    EXPECT_LE(MostOfTails(*generated->problem), 1 + 1e-9) << seed;
  }
}

TEST(LeastTail, HoldsForPlacesOfSeveralDevicesAndIsNearlyReached) {
  for (const char* preset : {"v100x8x3-25gbps", "a100x4x4-200gbps", "h100x8x2-400gbps"}) {
    const Cluster cluster = *ClusterFromProto(*ClusterPreset(preset));
    for (const int32_t group_size : {1, 2, 4}) {
      LayerChain chain = GeneratePipeline(1)->chain;
      chain.group_size = group_size;
      const double most = MostOfTails(PipelineProblem(chain, cluster, {2, 8, true}));
      EXPECT_LE(most, 1 + 1e-9) << preset << " " << group_size;
      EXPECT_GT(most, 0.99) << preset << " " << group_size;
    }
  }
}

}  // namespace
}  // namespace automap

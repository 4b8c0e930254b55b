// Random chains of layers on random clusters, to train and to judge pipeline policies on.
#pragma once

#include <memory>

#include "agent/core/random.h"
#include "planner/explore/pipeline/pipeline_problem.h"

namespace automap {

// A chain with its cluster and its problem; stays where it is.
struct GeneratedPipeline {
  LayerChain chain;
  Cluster cluster;
  std::unique_ptr<PipelineProblem> problem;
};

// The paper samples compute, activations and parameters from uniform, normal and binomial
// distributions; here each of the three is drawn from uniform, normal, binomial, heavy-tailed or
// repeated-block values, over 24 to 128 layers, with totals that make compute, transfers and
// all-reduces matter in turn; 2 to 6 stages on clusters of 1 to 8 servers with 1 to 8 devices, 2 to
// 32 micro-batches, V100, A100 or H100 with their networks. The memory limit is lifted. A pure
// function of the seed.
std::unique_ptr<GeneratedPipeline> GeneratePipeline(uint64_t seed);

// The same with 16 to 256 layers whose values go together as in models: sections of equal blocks,
// or values that fall and grow along the chain, with large variables at its ends.
std::unique_ptr<GeneratedPipeline> GenerateModelLikePipeline(uint64_t seed);

// Seeds of the chains that a training of this seed, below 1000, sees, and of others that none does.
constexpr uint64_t TrainingChain(uint64_t seed, int64_t chain) { return seed * 1'000'000 + chain; }
constexpr uint64_t UnseenChain(int64_t chain) { return 1'000'000'000 + chain; }

}  // namespace automap

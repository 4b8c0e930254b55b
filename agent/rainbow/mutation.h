// Known mistakes of DQN agents, made on purpose so that tests can show that they would be noticed.
// No request, flag or preset reaches them.
#pragma once

namespace automap {

enum class Mutation {
  kNone,
  kNoMaskInTarget,          // illegal actions count in the target's maximum
  kNStepOffByOne,           // the return is cut one step early, the bootstrap is not
  kNoImportanceWeights,     // every sample of a batch counts alike
  kPrioritiesNeverUpdated,  // replay keeps the priority of insertion
  kGreedyTarget,            // the target network picks the action that it judges
  kBootstrapTerminal,       // the value after the end counts
  kReturnsNotCut,           // n-step returns go on through exploring actions
  kTargetNeverCopied,       // the target network stays at its beginning
};

}  // namespace automap

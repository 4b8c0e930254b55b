// The decision process over a PipelineProblem as a network sees it that sees the whole chain first
// (agent/sequence).
#pragma once

#include <vector>

#include "agent/sequence/sequence_network.h"
#include "planner/explore/pipeline/pipeline_environment.h"

namespace automap {

// A token for each place where the chain can be cut, its ends included: compute before it and in
// the layers beside it, what crosses it, gradients. A row for each candidate: its stage, what is
// left for the rest, the stages before, the projection. Times are relative to the least time, so
// that one network serves all chains and clusters. A candidate's prior is its projection.
class PipelineSequence {
 public:
  static constexpr int kTokenFeatures = 8, kRowFeatures = 28;

  // `root`, of kGap, is at its first decision; its problem must outlive this.
  explicit PipelineSequence(const PipelineEnvironment& root);

  const std::vector<float>& tokens() const { return tokens_; }
  // The environment's legal actions, which are its first ones, as candidates.
  SequenceQuestion QuestionAt(const PipelineEnvironment& environment) const;

  // How scores count a length beside the least one: 0 for equal, -0.7 for 1 % more, -2.4 for 10 %.
  static float ScoreOf(Seconds length, Seconds least);

 private:
  struct Begun;

  Begun BegunBy(const PipelineCuts& cuts) const;
  void PutRow(const PipelineEnvironment& environment, const Begun& begun, int action,
              std::vector<float>& rows) const;

  const PipelineProblem& problem_;
  Seconds unit_, reference_;  // least time of a micro-batch; shortest projection at first
  std::vector<float> tokens_;
};

}  // namespace automap

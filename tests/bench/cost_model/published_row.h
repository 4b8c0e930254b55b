// One row of tests/data/published/training_steps.json: a training step that others measured.
#pragma once

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "simulator/cluster/cluster.h"
#include "tests/bench/cost_model/transformer.h"

namespace automap {

// A preset's name or a cluster message. Ends the program with what is wrong with it.
Cluster ClusterOf(const nlohmann::json& json);

// The step that a row describes, without what it leaves open; `stack` is its software's facts.
TransformerStep StepOf(const nlohmann::json& row, const nlohmann::json& stack);

// What a row leaves open.
struct Choice {
  int32_t tensor = 1, data = 1, pipeline = 1;
  int32_t micro_batch = 1, interleave = 1;
  StepPrediction prediction;
};

class PublishedRow {
 public:
  PublishedRow(const nlohmann::json& row, const nlohmann::json& stacks);

  std::string set() const { return row_["set"]; }
  std::string name() const { return row_["name"]; }
  // Steps that do the same with the same software by other plans share it; empty for none.
  std::string group() const {
    const std::string group = row_.value("group", "");
    return group.empty() ? "" : group + ", " + row_.value("stack", "");
  }
  // The constant that was fitted on it; empty for none.
  std::string fit() const { return row_.value("fit", ""); }
  // Why it is not scored; empty when it is.
  std::string excluded() const { return row_.value("excluded", ""); }
  // Whether its parallel layout is known.
  bool has_layout() const { return row_.contains("tensor"); }
  // The constant that its time depends on most.
  std::string constant() const;
  double measured() const { return row_.value("measuredS", 0.0); }
  bool knows_memory() const { return row_.contains("outOfMemory"); }
  bool is_out_of_memory() const { return row_.value("outOfMemory", false); }
  double peak_gib() const { return row_.value("peakGiB", 0.0); }

  // All choices that can be run, the one that would be taken without looking at the measured time
  // first: the fastest that fits, else the fastest. `scale` multiplies constant()'s efficiency.
  std::vector<Choice> Choices(double scale = 1) const;

 private:
  Cluster ScaledCluster(double scale) const;
  void AddChoices(const Cluster& cluster, int32_t tensor, int32_t data, int32_t pipeline,
                  std::vector<Choice>& choices) const;
  absl::StatusOr<StepPrediction> PredictChoice(const Choice& choice, const Cluster& cluster) const;

  const nlohmann::json& row_;
  nlohmann::json stack_;
  Cluster cluster_;
};

}  // namespace automap

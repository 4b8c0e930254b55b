// Predicted beside published training steps.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/cost_model/errors.h"
#include "tests/bench/cost_model/published_row.h"
#include "tests/bench/cost_model/residuals.h"

namespace automap {

struct Verdict {
  bool meets_goals = true;
  bool stays_within_limits = true;  // no error has grown beyond what is reached today, rounded up
};

class TrainingSteps {
 public:
  // `document`: tests/data/published/training_steps.json or one like it; must outlive this.
  explicit TrainingSteps(const nlohmann::json& document);

  // Prints each row and the errors by set; leaves residuals of the rows that nothing was fitted on.
  void Run(Residuals& residuals);

  // Prints, for each set, its errors when the constant its rows depend on is fitted on the other
  // sets alone (on its other rows, where it is the only set).
  void LeaveOneSetOut() const;

  // Prints which goals are met on rows that nothing was fitted on.
  Verdict Judge() const;

 private:
  void LayerTimes(const nlohmann::json& table, Residuals& residuals);
  void Exclude(const PublishedRow& row);
  void Score(const PublishedRow& row, Residuals& residuals);
  void ScoreMemory(const PublishedRow& row, const Choice& choice, bool is_only);
  void ScoreTime(const PublishedRow& row, const std::vector<Choice>& choices, Residuals& residuals);
  void PrintSums();

  const nlohmann::json& document_;
  std::vector<PublishedRow> rows_;
  Errors layers_, all_, fitted_, closest_, peaks_, open_;
  std::map<std::string, Errors> sets_;
  std::map<std::string, std::vector<Point>> groups_;
  std::vector<std::string> excluded_;
  Order order_;
  int memory_answers_ = 0, right_memory_answers_ = 0;
};

}  // namespace automap

// Runs an engine as a part of a search that may have been interrupted.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/archive.h"
#include "base/status_macros.h"
#include "planner/search/engines.h"

namespace automap {

// What the engine found before, if the journal (which may be null) knows it; else what
// `run(budget)` returns, which goes on from where the journal says. `name` is the part's in the
// journal. What was cut short by `budget.stop` is no outcome.
template <typename Outcome, typename Problem, typename Observer, typename Run>
absl::StatusOr<Outcome> RunOnce(SearchJournal* journal, const std::string& name,
                                const Problem& problem, EngineBudget budget,
                                const Observer& observer, const Run& run) {
  budget.part = SearchJournal::Begin(journal, name);
  Outcome known;
  if (FromArchive(budget.part.outcome(), known)) {
    known.Price(problem);
    if (observer) observer(known, known.found);
    return known;
  }
  bool was_cut = false;
  budget.stop = [&was_cut, stop = budget.stop] { return was_cut = was_cut || stop(); };
  absl::StatusOr<Outcome> found = run(budget);
  if (found.status().code() == absl::StatusCode::kDataLoss) {  // a state of another search
    budget.part = SearchJournal::Part();
    found = run(budget);
  }
  if (found.ok() && !was_cut) budget.part.End(ToArchive(*found));
  return found;
}

}  // namespace automap

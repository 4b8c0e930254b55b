// The partial answers of best_cuts.h at one state: few of them, none worse than another.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "planner/oracle/cut_figures.h"

namespace automap {

// A suffix of stages.
struct CutLabel : CutFigures {
  int32_t first_end = 0;  // where the first stage's devices end
  int32_t layer = 0;      // the suffix after the first stage: its state and its label there; -1: a
  int32_t label = -1;     // merged label, which is no plan
  bool is_merged = false;

  double least_length = 0;               // of all pipelines that end so
  double least_send = 0, most_send = 0;  // of the transfer into the first stage, one direction

  // What another whose first stage ends where that of `like` does may have at most to be no worse,
  // whatever comes before the two.
  CutFigures MostToCover(const CutLabel& like, int32_t micro_batches) const;
};

// Those whose first stages end on the same device stay together, so that transfers are worked out
// once for each, and among them those that are alike. While labels are added, the least and the
// most of each such group's figures tell most comparisons at once.
class CutLabels {
 public:
  using Iterator = std::vector<CutLabel>::const_iterator;

  bool empty() const { return labels_.empty(); }
  size_t size() const { return labels_.size(); }
  const CutLabel* data() const { return labels_.data(); }
  const CutLabel& operator[](size_t i) const { return labels_[i]; }
  Iterator begin() const { return labels_.begin(); }
  Iterator end() const { return labels_.end(); }

  // In place of those that it covers, unless it is covered itself; whether it is kept. A merged one
  // covers no plan.
  bool Add(const CutLabel& label, int32_t micro_batches);
  // Beside all others.
  void Append(const CutLabel& label) { labels_.push_back(label); }
  // After the last one: appended labels get their places, and what only adding needs is given back.
  void Finish();
  // The one of the largest least_length.
  void ForgetWorst();
  // Replaces neighbours by one that is no worse than either, those first that lose the least by it,
  // until no more than `most` are left or no neighbours are.
  void Merge(size_t most, const std::function<double(const CutLabel& merged)>& least_length);

 private:
  // Labels whose first stages end on one device, side by side. Labels that have gone may be in its
  // figures still.
  struct Group {
    size_t count = 0;
    CutLabel least, most;

    void Count(const CutLabel& label) {
      ++count;
      least.TakeLeast(label);
      most.TakeMost(label);
    }
  };

  bool IsCovered(const CutLabel& label, int32_t micro_batches) const;
  void DropCovered(const CutLabel& label, int32_t micro_batches);
  void Insert(const CutLabel& label);
  void Regroup();

  std::vector<CutLabel> labels_;
  std::vector<Group> groups_;
};

}  // namespace automap

#include "planner/oracle/best_choice.h"

#include <algorithm>

namespace automap {
namespace {

constexpr int64_t kNodesBetweenLooks = 64;

// Depth-first over one component, items by falling gain: take the item, or leave it. The bound is
// the sum of the gains that are still possible.
class ComponentSearch {
 public:
  ComponentSearch(const std::vector<double>& gains,
                  const std::vector<std::vector<int32_t>>& conflicts, std::vector<int32_t> items,
                  int64_t max_nodes, const std::function<bool()>& stop)
      : gains_(gains),
        conflicts_(conflicts),
        items_(std::move(items)),
        excluded_(gains.size(), 0),
        nodes_left_(max_nodes),
        stop_(stop) {
    std::stable_sort(items_.begin(), items_.end(),
                     [&](int32_t a, int32_t b) { return gains_[a] > gains_[b]; });
    for (const int32_t item : items_) possible_ += gains_[item];
    total_ = possible_;
  }

  void Run() { Visit(0, 0); }
  bool is_proved() const { return nodes_left_ > 0; }
  double best() const { return best_; }
  double upper_bound() const { return is_proved() ? best_ : total_; }
  const std::vector<int32_t>& best_items() const { return best_items_; }

 private:
  // `possible_` is the sum of gains of the items from `index` on that nothing taken excludes.
  void Visit(size_t index, double gain) {
    if (nodes_left_ <= 0 || --nodes_left_ <= 0) return;
    if (stop_ && nodes_left_ % kNodesBetweenLooks == 0 && stop_()) nodes_left_ = 0;
    if (nodes_left_ <= 0) return;
    if (gain > best_ || (index == 0 && best_items_.empty())) {
      best_ = gain;
      best_items_ = taken_;
    }
    if (index == items_.size() || gain + possible_ <= best_) return;
    const int32_t item = items_[index];
    if (excluded_[item] > 0) return Visit(index + 1, gain);
    possible_ -= gains_[item];
    Exclude(item, index, 1);
    taken_.push_back(item);
    Visit(index + 1, gain + gains_[item]);
    taken_.pop_back();
    Exclude(item, index, -1);
    Visit(index + 1, gain);
    possible_ += gains_[item];
  }

  void Exclude(int32_t item, size_t index, int change) {
    for (size_t later = index + 1; later < items_.size(); ++later) {
      const int32_t other = items_[later];
      if (!std::binary_search(conflicts_[item].begin(), conflicts_[item].end(), other)) continue;
      if (excluded_[other] == 0) possible_ -= gains_[other];
      excluded_[other] += change;
      if (excluded_[other] == 0) possible_ += gains_[other];
    }
  }

  const std::vector<double>& gains_;
  const std::vector<std::vector<int32_t>>& conflicts_;
  std::vector<int32_t> items_;
  std::vector<int32_t> excluded_;
  std::vector<int32_t> taken_, best_items_;
  double possible_ = 0, total_ = 0, best_ = 0;
  int64_t nodes_left_;
  const std::function<bool()>& stop_;
};

}  // namespace

Choice BestChoice(const std::vector<double>& gains,
                  const std::vector<std::vector<int32_t>>& conflicts, int64_t max_nodes,
                  const std::function<bool()>& stop) {
  Choice choice;
  choice.chosen.assign(gains.size(), false);
  choice.is_proved = true;
  std::vector<bool> seen(gains.size(), false);
  for (size_t start = 0; start < gains.size(); ++start) {
    if (seen[start] || gains[start] <= 0) continue;
    std::vector<int32_t> component = {static_cast<int32_t>(start)};
    seen[start] = true;
    for (size_t i = 0; i < component.size(); ++i) {
      for (const int32_t other : conflicts[component[i]]) {
        if (seen[other] || gains[other] <= 0) continue;
        seen[other] = true;
        component.push_back(other);
      }
    }
    ComponentSearch search(gains, conflicts, std::move(component), max_nodes, stop);
    search.Run();
    for (const int32_t item : search.best_items()) choice.chosen[item] = true;
    choice.gain += search.best();
    choice.upper_bound += search.upper_bound();
    choice.is_proved = choice.is_proved && search.is_proved();
  }
  return choice;
}

}  // namespace automap

#include "planner/oracle/cut_labels.h"

namespace automap {
namespace {

bool ComesBefore(const CutLabel& a, const CutLabel& b) {
  return a.first_end != b.first_end ? a.first_end < b.first_end : a.way < b.way;
}

}  // namespace

// Where the first stages end on different devices, the most that the transfer in front can take
// counts against the least of the other one.
bool CutLabel::Covers(const CutLabel& other, int32_t micro_batches) const {
  if (first_end == other.first_end) {
    return way <= other.way && first <= other.first && second <= other.second &&
           term <= other.term && end <= other.end && journey <= other.journey;
  }
  const double m = micro_batches, most = most_send, least = other.least_send;
  // With both ways over the transfer, and a queue of all the others before it.
  const auto is_sooner = [&](double a, double b) {
    return a + 2 * most <= b + 2 * least && a + (m + 1) * most <= b + (m + 1) * least;
  };
  return way + 2 * most <= other.way + 2 * least && is_sooner(first, other.first) &&
         is_sooner(second, other.second) && std::max(first, most) <= std::max(other.first, least) &&
         journey + most <= other.journey + least &&
         std::max(term + 2 * most, way + (m + 1) * most) <=
             std::max(other.term + 2 * least, other.way + (m + 1) * least) &&
         std::max(end + most, m * most + journey) <=
             std::max(other.end + least, m * least + other.journey);
}

bool CutLabels::Add(const CutLabel& label, int32_t micro_batches) {
  for (const CutLabel& other : labels_) {
    if (other.Covers(label, micro_batches) && (label.is_merged || !other.is_merged)) return false;
  }
  std::erase_if(labels_, [&](const CutLabel& other) {
    return label.Covers(other, micro_batches) && (!label.is_merged || other.is_merged);
  });
  labels_.insert(std::upper_bound(labels_.begin(), labels_.end(), label, ComesBefore), label);
  return true;
}

void CutLabels::Sort() { std::sort(labels_.begin(), labels_.end(), ComesBefore); }

void CutLabels::ForgetWorst() {
  const auto shorter = [](const CutLabel& a, const CutLabel& b) {
    return a.least_length < b.least_length;
  };
  labels_.erase(std::max_element(labels_.begin(), labels_.end(), shorter));
}

void CutLabels::Merge(size_t most,
                      const std::function<double(const CutLabel& merged)>& least_length) {
  struct Merger {
    size_t at;  // and the label behind
    CutLabel made;
  };
  std::vector<Merger> mergers;
  for (size_t l = 0; l + 1 < labels_.size(); ++l) {
    if (labels_[l].first_end != labels_[l + 1].first_end) continue;
    CutLabel made = labels_[l];
    made.TakeLeast(labels_[l + 1]);
    made.least_length = least_length(made);
    made.is_merged = true;
    made.label = -1;
    mergers.push_back({l, made});
  }
  std::stable_sort(mergers.begin(), mergers.end(), [](const Merger& a, const Merger& b) {
    return a.made.least_length > b.made.least_length;
  });
  std::vector<bool> is_gone(labels_.size(), false), is_made(labels_.size(), false);
  size_t left = labels_.size();
  for (const auto& [at, made] : mergers) {
    if (left <= most) break;
    if (is_gone[at] || is_made[at] || is_gone[at + 1] || is_made[at + 1]) continue;
    labels_[at] = made;
    is_made[at] = is_gone[at + 1] = true;
    --left;
  }
  size_t kept = 0;
  for (size_t l = 0; l < labels_.size(); ++l) {
    if (!is_gone[l]) labels_[kept++] = labels_[l];
  }
  labels_.resize(kept);
}

}  // namespace automap

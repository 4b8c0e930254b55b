#include "planner/oracle/cut_labels.h"

#include <limits>

#include "base/most.h"

namespace automap {
namespace {

bool ComesBefore(const CutLabel& a, const CutLabel& b) {
  return a.first_end != b.first_end ? a.first_end < b.first_end : a.way < b.way;
}

}  // namespace

// Where the first stages end on different devices, the most that the transfer in front can take
// counts against the least of this one: with both ways over it, a queue of all the others before
// it, and stages in front that run all of them at its pace or that of the first stage.
CutFigures CutLabel::MostToCover(const CutLabel& like, int32_t micro_batches) const {
  CutFigures most = *this;
  if (like.first_end == first_end) return most;
  const double m = micro_batches, theirs = like.most_send, ours = least_send;
  const double slowest = std::max(first, ours);
  if (theirs > slowest) return {.way = -std::numeric_limits<double>::infinity()};
  const double slower = std::max(0.0, theirs - std::max(ours, std::min(forward, backward)));
  const double sooner = 2 * (ours - theirs), sooner_by_all = sooner - (m - 1) * slower;
  const double latest = std::max(term + 2 * ours, way + (m + 1) * ours);
  const double ended = std::max(end + ours, m * ours + journey);
  most.forward = Most(forward, ours, theirs);
  most.backward = Most(backward, ours, theirs);
  most.first = std::min(first + sooner_by_all, slowest);
  most.second = second + sooner_by_all;
  most.way = std::min(way + sooner, latest - (m + 1) * theirs);
  most.term = latest - 2 * theirs;
  most.end = ended - theirs;
  most.journey = std::min(journey + ours - theirs, ended - m * theirs);
  return most;
}

bool CutLabels::Add(const CutLabel& label, int32_t micro_batches) {
  if (IsCovered(label, micro_batches)) return false;
  DropCovered(label, micro_batches);
  Insert(label);
  return true;
}

bool CutLabels::IsCovered(const CutLabel& label, int32_t micro_batches) const {
  size_t at = 0;
  for (const Group& group : groups_) {
    const size_t end = at + group.count;
    const CutFigures most = label.MostToCover(group.least, micro_batches);
    if (!group.least.IsWithin(most)) at = end;
    for (; at < end && labels_[at].way <= most.way; ++at) {
      if (labels_[at].IsWithin(most) && (label.is_merged || !labels_[at].is_merged)) return true;
    }
    at = end;
  }
  return false;
}

void CutLabels::DropCovered(const CutLabel& label, int32_t micro_batches) {
  const auto covers = [&](const CutLabel& other) {
    return label.IsWithin(other.MostToCover(label, micro_batches));
  };
  size_t at = 0, kept = 0;
  for (Group& group : groups_) {
    const size_t end = at + group.count;
    const bool may_cover = covers(group.most);
    if (!may_cover && kept == at) at = kept = end;
    for (; at < end; ++at) {
      const CutLabel& other = labels_[at];
      if (may_cover && (!label.is_merged || other.is_merged) && covers(other))
        --group.count;
      else
        labels_[kept++] = other;
    }
  }
  if (kept == labels_.size()) return;
  labels_.resize(kept);
  std::erase_if(groups_, [](const Group& group) { return group.count == 0; });
}

void CutLabels::Insert(const CutLabel& label) {
  auto begin = labels_.begin();
  auto group = groups_.begin();
  for (; group != groups_.end() && group->least.first_end < label.first_end; ++group)
    begin += group->count;
  if (group == groups_.end() || group->least.first_end != label.first_end)
    group = groups_.insert(group, {0, label, label});
  labels_.insert(std::upper_bound(begin, begin + group->count, label, ComesBefore), label);
  group->Count(label);
}

void CutLabels::Regroup() {
  groups_.clear();
  for (const CutLabel& label : labels_) {
    if (groups_.empty() || groups_.back().least.first_end != label.first_end)
      groups_.push_back({0, label, label});
    groups_.back().Count(label);
  }
}

void CutLabels::Finish() {
  if (groups_.empty()) std::sort(labels_.begin(), labels_.end(), ComesBefore);
  groups_ = {};
}

void CutLabels::ForgetWorst() {
  const auto shorter = [](const CutLabel& a, const CutLabel& b) {
    return a.least_length < b.least_length;
  };
  labels_.erase(std::max_element(labels_.begin(), labels_.end(), shorter));
  Regroup();
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
  Regroup();
}

}  // namespace automap

// Labels beside the definition of what covers what, pair by pair.
#include "planner/oracle/cut_labels.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>

#include "gtest/gtest.h"

namespace automap {
namespace {

// Of small whole numbers, so that sums are exact and many are equal.
CutLabel RandomLabel(std::mt19937& random, int figures) {
  const auto some = [&] { return static_cast<double>(random() % figures); };
  CutLabel label;
  label.forward = some(), label.backward = some();
  label.first = label.forward + label.backward, label.second = label.first + some(),
  label.way = label.second + some();
  label.term = some(), label.journey = label.way + some(), label.end = label.journey + some();
  label.first_end = static_cast<int32_t>(random() % 4);
  label.least_send = label.first_end % 3, label.most_send = label.least_send + label.first_end % 2;
  label.is_merged = random() % 8 == 0;
  label.least_length = label.end + some();
  return label;
}

// All that stages in front can feel of it when the transfer takes so long.
std::array<double, 11> Felt(const CutLabel& label, double send, double m) {
  const double forward = (m - 1) * std::max(label.forward, send);
  const double backward = (m - 1) * std::max(label.backward, send);
  return {label.way + 2 * send,
          label.first + 2 * send,
          label.first + 2 * send + forward,
          label.first + 2 * send + backward,
          label.second + 2 * send,
          label.second + 2 * send + forward,
          label.second + 2 * send + backward,
          std::max(label.first, send),
          label.journey + send,
          std::max(label.term + 2 * send, label.way + (m + 1) * send),
          std::max(label.end + send, m * send + label.journey)};
}

bool Covers(const CutLabel& label, const CutLabel& other, int32_t m) {
  return label.IsWithin(other.MostToCover(label, m));
}

TEST(CutLabels, AreCoveredByWhatIsNeverWorse) {
  std::mt19937 random(1);
  int covered = 0, missed = 0;
  for (int trial = 0; trial < 200000; ++trial) {
    const CutLabel label = RandomLabel(random, 5), other = RandomLabel(random, 5);
    const int m = 1 + static_cast<int>(random() % 8);
    const bool is_same = label.first_end == other.first_end;
    const auto ours = Felt(label, is_same ? other.most_send : label.most_send, m);
    const auto theirs = Felt(other, is_same ? other.most_send : other.least_send, m);
    const bool is_never_worse = std::equal(ours.begin(), ours.end(), theirs.begin(),
                                           [](double a, double b) { return a <= b; });
    const bool covers = Covers(label, other, m);
    ASSERT_LE(covers, is_never_worse) << trial;
    covered += covers;
    missed += is_never_worse && !covers && !is_same;
  }
  std::printf("covered %d, missed %d\n", covered, missed);
  EXPECT_GT(covered, 1000);
  EXPECT_LT(missed, covered / 5);
}

// One after the other, compared with each.
void AddByPairs(std::vector<CutLabel>& labels, const CutLabel& label, int32_t m) {
  for (const CutLabel& other : labels) {
    if (Covers(other, label, m) && (label.is_merged || !other.is_merged)) return;
  }
  std::erase_if(labels, [&](const CutLabel& other) {
    return Covers(label, other, m) && (!label.is_merged || other.is_merged);
  });
  labels.push_back(label);
}

std::vector<std::array<double, 7>> Sorted(const auto& labels) {
  std::vector<std::array<double, 7>> figures;
  for (const CutLabel& label : labels) {
    figures.push_back({static_cast<double>(label.first_end), label.way, label.first, label.second,
                       label.term, label.end, label.journey});
  }
  std::sort(figures.begin(), figures.end());
  return figures;
}

TEST(CutLabels, KeepWhatNoOtherCovers) {
  std::mt19937 random(2);
  size_t most = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const int m = 1 + static_cast<int>(random() % 8);
    CutLabels labels;
    std::vector<CutLabel> pairs;
    for (int i = 0; i < 100; ++i) {
      const CutLabel label = RandomLabel(random, 30);
      labels.Add(label, m);
      AddByPairs(pairs, label, m);
      ASSERT_EQ(Sorted(labels), Sorted(pairs)) << trial << " " << i;
      if (i % 40 == 39) {  // groups are told anew
        labels.Merge(labels.size() / 2, [](const CutLabel& merged) { return merged.end; });
        pairs.assign(labels.begin(), labels.end());
      }
    }
    most = std::max(most, labels.size());
    labels.Finish();
    EXPECT_EQ(Sorted(labels), Sorted(pairs));
  }
  EXPECT_GT(most, 20u);
}

TEST(CutLabels, MergedOnesAreNoWorseThanWhatTheyReplace) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 300; ++trial) {
    CutLabels labels;
    for (int i = 0; i < 60; ++i) labels.Add(RandomLabel(random, 30), 4);
    const std::vector<CutLabel> before(labels.begin(), labels.end());
    labels.Merge(labels.size() / 2, [](const CutLabel& merged) { return merged.end; });
    for (const CutLabel& label : before) {
      EXPECT_TRUE(std::any_of(labels.begin(), labels.end(), [&](const CutLabel& other) {
        return other.first_end == label.first_end && other.IsWithin(label);
      })) << trial;
    }
  }
}

TEST(CutLabels, AppendedOnesStandTogetherByDevice) {
  std::mt19937 random(4);
  CutLabels labels;
  for (int i = 0; i < 100; ++i) labels.Append(RandomLabel(random, 30));
  labels.Finish();
  ASSERT_EQ(labels.size(), 100u);
  EXPECT_TRUE(std::is_sorted(labels.begin(), labels.end(), [](const auto& a, const auto& b) {
    return a.first_end != b.first_end ? a.first_end < b.first_end : a.way < b.way;
  }));
}

}  // namespace
}  // namespace automap

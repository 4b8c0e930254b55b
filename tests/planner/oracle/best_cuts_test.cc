#include "planner/oracle/best_cuts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>

#include "gtest/gtest.h"
#include "planner/oracle/prefix_bounds.h"
#include "simulator/pipeline/pipeline_length.h"

namespace automap {
namespace {

// A random chain on a random line of devices, small enough to try every cut.
struct Toy {
  int32_t layers, devices, stages, micro_batches;
  std::vector<double> forward, backward, update, bytes, gradients, link;

  explicit Toy(std::mt19937& random) {
    const auto uniform = [&] { return std::uniform_real_distribution<double>(0, 1)(random); };
    layers = 2 + random() % 5;
    devices = 1 + random() % 5;
    stages = 1 + random() % std::min({4, layers, devices});
    micro_batches = 1 + random() % 8;
    const double slow = uniform() < 0.3 ? 2.0 : 0.1;  // now and then transfers rule
    for (int32_t i = 0; i < layers; ++i) {
      forward.push_back(uniform());
      backward.push_back(2 * uniform());
      update.push_back(0.2 * uniform());
      bytes.push_back(slow * uniform());
      gradients.push_back(uniform());
    }
    for (int32_t d = 0; d <= devices; ++d) link.push_back(0.5 + uniform());
  }

  static double Sum(const std::vector<double>& v, int32_t from, int32_t to) {
    double sum = 0;
    for (int32_t i = from; i < to; ++i) sum += v[i];
    return sum;
  }
  PipelineStage Stage(int32_t i, int32_t j, int32_t d, int32_t e) const {
    PipelineStage stage;
    stage.forward = {Sum(forward, i, j) / (e - d)};
    stage.backward = {Sum(backward, i, j) / (e - d)};
    stage.update = {Sum(update, i, j)};
    return stage;
  }
  // Its start aside.
  double LeastSync(int32_t i, int32_t j, int32_t d, int32_t e) const {
    return e - d > 1 ? Sum(gradients, i, j) * (1 + 0.1 * d) : 0;
  }
  Seconds Sync(int32_t i, int32_t j, int32_t d, int32_t e) const {
    return {e - d > 1 ? 0.02 + LeastSync(i, j, d, e) : 0};
  }
  double LeastTail(int32_t i, int32_t j, int32_t d, int32_t e) const {
    return LeastSync(i, j, d, e) + Sum(update, i, j);
  }
  Seconds Send(int32_t j, int32_t, int32_t cut, int32_t e) const {
    return {bytes[j - 1] * link[cut] * (e - cut > 1 ? 0.5 : 1)};
  }
  bool IsLegal(int32_t i, int32_t j, int32_t, int32_t, int32_t after) const {
    return (j - i) * (after + 1) <= 12;  // memory of a sort
  }
  double Length(const std::vector<int32_t>& ends, const std::vector<int32_t>& device_ends) const {
    std::vector<PipelineStage> result;
    for (size_t s = 0; s < ends.size(); ++s) {
      const int32_t i = s > 0 ? ends[s - 1] : 0, d = s > 0 ? device_ends[s - 1] : 0;
      PipelineStage stage = Stage(i, ends[s], d, device_ends[s]);
      stage.gradient_sync = Sync(i, ends[s], d, device_ends[s]);
      if (s + 1 < ends.size())
        stage.send = stage.send_back = Send(ends[s], d, device_ends[s], device_ends[s + 1]);
      result.push_back(stage);
    }
    return PipelineLength(result, micro_batches).value;
  }
  // The shortest length of all legal cuts, infinite when there is none. Their lengths go to `all`.
  double BruteForce(std::vector<double>* all = nullptr, std::vector<int32_t> ends = {},
                    std::vector<int32_t> device_ends = {}) const {
    const int32_t i = ends.empty() ? 0 : ends.back(), d = ends.empty() ? 0 : device_ends.back();
    const int32_t left = stages - static_cast<int32_t>(ends.size());
    double best = INFINITY;
    for (int32_t j = left == 1 ? layers : i + 1; j <= layers - (left - 1); ++j) {
      for (int32_t e = left == 1 ? devices : d + 1; e <= devices - (left - 1); ++e) {
        if (!IsLegal(i, j, d, e, left - 1)) continue;
        ends.push_back(j), device_ends.push_back(e);
        const double length =
            left == 1 ? Length(ends, device_ends) : BruteForce(all, ends, device_ends);
        if (left == 1 && all != nullptr) all->push_back(length);
        best = std::min(best, length);
        ends.pop_back(), device_ends.pop_back();
      }
    }
    return best;
  }

  // One stage of a way to put the first layers on the first devices; ways begin with the first.
  struct Placed {
    PipelineStage times;  // with the transfer to the next
    double tail;
  };
  using Way = std::vector<Placed>;
  using Figures = std::array<double, 6>;  // as in PrefixBound

  Figures FiguresOf(const Way& way) const {
    Figures figures = {};
    auto& [there, both_ways, slowest, lateness, end, late] = figures;
    for (const auto& [stage, tail] : way) {
      there += (stage.forward + stage.send).value;
      both_ways += (stage.forward + stage.backward + 2 * stage.send).value;
    }
    end = late = both_ways;
    double before = 0, left = both_ways;
    for (size_t s = 0; s < way.size(); ++s) {
      const auto& [stage, tail] = way[s];
      const double f = stage.forward.value, b = stage.backward.value;
      const double held = std::min<double>(micro_batches, stages - s);
      const double waits = (micro_batches - 1) * (f + b) - (held - 1) * std::min(f, b);
      slowest = std::max(slowest, f + b);
      lateness = std::max(lateness, waits);
      end = std::max(end, before + left + tail);
      late = std::max(late, both_ways + waits + (s == 0 ? tail : 0));
      before += f + stage.send.value;
      left -= f + b + 2 * stage.send.value;
    }
    return figures;
  }

  // All ways to put the first layers on the first devices as so many stages, none of which takes
  // longer than that; `behind`: the stages after them.
  void ForEachPrefix(int32_t end, int32_t device_end, int32_t count, double longest,
                     const Way& behind, const std::function<void(const Way&)>& visit) const {
    for (int32_t i = count == 1 ? 0 : count - 1; i < (count == 1 ? 1 : end); ++i) {
      for (int32_t d = count == 1 ? 0 : count - 1; d < (count == 1 ? 1 : device_end); ++d) {
        Placed placed = {Stage(i, end, d, device_end), LeastTail(i, end, d, device_end)};
        const double both = (placed.times.forward + placed.times.backward).value;
        if (micro_batches * both + placed.tail > longest) continue;
        Way way = {placed};
        way.insert(way.end(), behind.begin(), behind.end());
        if (count == 1) {
          visit(way);
          continue;
        }
        // The transfer into the stage is what its sender has.
        const Seconds send = Send(i, 0, d, device_end);
        ForEachPrefix(i, d, count - 1, longest, way, [&](const Way& whole) {
          Way sent = whole;
          sent[count - 2].times.send = send;
          visit(sent);
        });
      }
    }
  }

  Figures LeastOfPrefixes(int32_t end, int32_t device_end, int32_t count, double longest) const {
    Figures least;
    least.fill(INFINITY);
    ForEachPrefix(end, device_end, count, longest, {}, [&](const Way& way) {
      const Figures figures = FiguresOf(way);
      for (size_t i = 0; i < least.size(); ++i) least[i] = std::min(least[i], figures[i]);
    });
    return least;
  }

  CutQuestion Question() const {
    CutQuestion q;
    q.layers = layers, q.devices = devices, q.stages = stages, q.micro_batches = micro_batches;
    q.stage = [this](int32_t i, int32_t j, int32_t d, int32_t e) { return Stage(i, j, d, e); };
    q.gradient_sync = [this](int32_t i, int32_t j, int32_t d, int32_t e) {
      return Sync(i, j, d, e);
    };
    q.least_tail = [this](int32_t j, int32_t d, int32_t e) {
      return Seconds{LeastTail(0, j, d, e)};
    };
    q.is_legal = [this](int32_t i, int32_t j, int32_t d, int32_t e, int32_t after) {
      return IsLegal(i, j, d, e, after);
    };
    q.is_hopeless = [this](int32_t i, int32_t j, int32_t d, int32_t e, int32_t after) {
      return !IsLegal(i, j, d, e, after);
    };
    q.send = [this](int32_t j, int32_t d, int32_t cut, int32_t e) { return Send(j, d, cut, e); };
    q.least_send =
        q.most_send = [this](int32_t j, int32_t cut, int32_t e) { return Send(j, 0, cut, e); };
    return q;
  }
};

TEST(BestCuts, BoundsAndReachesBruteForceOnRandomChains) {
  std::mt19937 random(5);
  int equal = 0, proved = 0, feasible = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    const Toy toy(random);
    const double best = toy.BruteForce();
    const CutAnswer answer = BestCuts(toy.Question());
    ASSERT_EQ(answer.is_found, std::isfinite(best)) << trial;
    if (!answer.is_found) continue;
    ++feasible;
    ASSERT_LE(answer.lower_bound.value, best * (1 + 1e-9)) << trial;
    ASSERT_NEAR(toy.Length(answer.ends.layers, answer.ends.devices), answer.length.value, 1e-12);
    ASSERT_GE(answer.length.value, best * (1 - 1e-12)) << trial;
    equal += answer.length.value <= best * (1 + 1e-9);
    proved += answer.length.value <= answer.lower_bound.value * (1 + 1e-9);
  }
  std::printf("of %d chains: at the optimum %d, proved %d\n", feasible, equal, proved);
  EXPECT_GE(equal, feasible * 999 / 1000);
  EXPECT_GE(proved, feasible * 98 / 100);
}

TEST(BestCuts, KnownCutsOnlyPrune) {
  std::mt19937 random(6);
  for (int trial = 0; trial < 2000; ++trial) {
    const Toy toy(random);
    const double best = toy.BruteForce();
    if (!std::isfinite(best)) continue;
    for (const double longer : {1.0, 1.02, 1.1, 1.5, 3.0}) {
      const CutAnswer answer = BestCuts(toy.Question(), Seconds{longer * best});
      ASSERT_LE(answer.lower_bound.value, best * (1 + 1e-9)) << trial << " " << longer;
    }
    const CutAnswer beam = BeamCuts(toy.Question(), 2);
    if (beam.is_found) {
      ASSERT_GE(beam.length.value, best * (1 - 1e-12));
    }
  }
}

TEST(CutsWithin, AreAllThatBruteForceFindsOrNone) {
  std::mt19937 random(9);
  int64_t found = 0;
  for (int trial = 0; trial < 5000; ++trial) {
    const Toy toy(random);
    std::vector<double> lengths;
    const double best = toy.BruteForce(&lengths);
    if (!std::isfinite(best)) continue;
    std::sort(lengths.begin(), lengths.end());
    const double than = best * (1 + 0.1 * (trial % 5));
    std::erase_if(lengths, [&](double length) { return length > than; });
    const auto all = CutsWithin(toy.Question(), Seconds{than}, 1'000'000);
    ASSERT_TRUE(all.has_value());
    ASSERT_EQ(all->size(), lengths.size()) << trial;
    std::vector<double> listed;
    for (const StageEnds& ends : *all) listed.push_back(toy.Length(ends.layers, ends.devices));
    std::sort(listed.begin(), listed.end());
    for (size_t i = 0; i < listed.size(); ++i) ASSERT_NEAR(listed[i], lengths[i], 1e-12) << trial;
    found += all->size();
    // Each takes a label at least.
    EXPECT_FALSE(CutsWithin(toy.Question(), Seconds{than}, all->size() - 1).has_value()) << trial;
    CutQuestion stopped = toy.Question();
    stopped.stop = [] { return true; };
    EXPECT_FALSE(CutsWithin(stopped, Seconds{than}, 1'000'000).has_value());
  }
  std::printf("%d cuts listed\n", static_cast<int>(found));
  EXPECT_GT(found, 10000);
}

// Where only the first stage is missing all is known of it: with the best cuts at hand no others of
// two stages are kept.
TEST(BestCuts, OfTwoStagesOnlyTheKnownOnesAreKept) {
  std::mt19937 random(8);
  int compared = 0, alone = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const Toy toy(random);
    const double best = toy.BruteForce();
    if (toy.stages != 2 || !std::isfinite(best)) continue;
    const CutAnswer answer = BestCuts(toy.Question(), Seconds{best});
    ASSERT_TRUE(answer.is_found) << trial;
    ++compared;
    alone += answer.labels == 2;
  }
  std::printf("of %d chains of two stages: only the best cuts kept %d\n", compared, alone);
  EXPECT_GE(alone, compared * 98 / 100);
}

// Each figure of the bounds beside the least over all ways to put the first layers on the first
// devices.
TEST(PrefixBounds, AreTheLeastOfEachFigureOrLess) {
  std::mt19937 random(7);
  int tight = 0, compared = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Toy toy(random);
    if (toy.stages < 2) continue;
    const double longest = (0.5 + trial % 5) * toy.micro_batches;
    const PrefixBounds bounds(toy.Question(), Seconds{longest});
    for (int32_t layers = 1; layers <= toy.layers; ++layers) {
      for (int32_t devices = 1; devices < toy.devices; ++devices) {
        for (int32_t stages = 1; stages < toy.stages; ++stages) {
          const auto least = toy.LeastOfPrefixes(layers, devices, stages, longest);
          const PrefixBound& bound = bounds.Of(stages, layers, devices);
          const double figures[] = {bound.there,    bound.way, bound.slowest,
                                    bound.lateness, bound.end, bound.late};
          ASSERT_EQ(std::isfinite(bound.way), std::isfinite(least[1])) << trial;
          for (size_t i = 0; i < least.size(); ++i) {
            ASSERT_LE(figures[i], least[i] * (1 + 1e-6)) << trial << " " << i;
            compared += std::isfinite(least[i]);
            tight += std::isfinite(least[i]) && figures[i] >= least[i] * (1 - 1e-4);
          }
        }
      }
    }
  }
  std::printf("of %d figures reached: %d\n", compared, tight);
  EXPECT_GT(tight, compared * 9 / 10);
}

}  // namespace
}  // namespace automap

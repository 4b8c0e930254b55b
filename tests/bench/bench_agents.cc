// bench-agents [--seeds N] [--out FOLDER] [ROW...]: what the agent is worth. For each problem the
// engines play the same environment: `dqn` in both presets, `greedy` and `random` at equal numbers
// of decisions and once more for as long as the median `dqn` took, and `exact`. Over the seeds: the
// median and the worst step time over the best known, the share of seeds that reach it, decisions
// and seconds. With --out rows are kept in FOLDER/agents.txt, one file line per row and engine,
// rows that are there are not run again, and FOLDER/ROW.svg shows the median curves. A row that is
// not in the table is pp:MODULE:CLUSTER:STAGES or pp:MODULE:CLUSTER:STAGES:MICRO_BATCHES.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_split.h"
#include "planner/explore/explore_splits.h"
#include "planner/explore/pipeline/simulated_bound.h"
#include "planner/search/engines.h"
#include "planner/search/pipeline_engines.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Row {
  std::string name;
  std::string kind;  // opp, adp, pp
  std::string module;
  std::string cluster;
  int size = 0;  // axis size, or stages
  bool fold = true;
  int micro_batches = 4;  // of stages
};
const Row kRows[] = {
    {"opp-vgg19", "opp", "vgg19", "v100x8x1-25gbps", 8, true},
    {"opp-t5-base", "opp", "t5-base-paper", "v100x4x1-25gbps", 4, true},
    {"opp-t5-3b", "opp", "t5-3b-paper", "v100x8x1-25gbps", 8, true},
    {"opp-t5-11b", "opp", "t5-11b-paper", "v100x8x1-25gbps", 8, true},
    {"opp-t5-11b-unfolded", "opp", "t5-11b-paper", "v100x8x1-25gbps", 8, false},
    {"opp-bert-48", "opp", "bert-48", "v100x8x1-25gbps", 8, true},
    {"opp-scan-lm-7b", "opp", "scan-lm-7b", "a100x8x1-200gbps", 8, true},
    {"adp-vgg19", "adp", "vgg19", "v100x8x2-25gbps", 0, true},
    {"adp-t5-base", "adp", "t5-base-paper", "v100x8x1-25gbps", 0, true},
    {"pp-bert-48-A", "pp", "bert-48", "v100x8x2-25gbps", 2, true},
    {"pp-bert-48-B", "pp", "bert-48", "v100x8x3-25gbps", 3, true},
    {"pp-bert-48-C", "pp", "bert-48", "v100x8x4-25gbps", 4, true},
    {"pp-t5-base-A", "pp", "t5-base-paper", "v100x8x2-25gbps", 2, true},
    {"pp-t5-base-B", "pp", "t5-base-paper", "v100x8x3-25gbps", 3, true},
    {"pp-t5-base-C", "pp", "t5-base-paper", "v100x8x4-25gbps", 4, true},
};

// What one run came to.
struct Played {
  double best = 0, wall = 0;
  int64_t decisions = 0, decisions_to_best = 0;
  std::vector<std::pair<int64_t, double>> curve;
};

// A problem as the bench sees it.
struct Problem {
  int64_t decisions = 0;  // the budget
  double exact = 0, bound = 0;
  std::function<Played(const std::string& engine, Preset preset, const EngineBudget& budget)> run;
};

template <typename Found>
Played Summary(const Found& found, double best, double start) {
  Played outcome = {best, Now() - start, found.decisions, found.decisions_to_best, {}};
  for (const auto& [decisions, time] : found.curve)
    outcome.curve.emplace_back(decisions, time.value);
  return outcome;
}

Problem SplitsOf(const SplitProblem& problem) {
  Problem result;
  result.decisions = std::max<int64_t>(2000, 60 * problem.decisions().size());
  const SplitBound bound = BoundOf(problem);
  result.bound = bound.lower_bound.value;
  result.exact = bound.is_reached ? problem.StepTime(bound.best).value : 0;
  result.run = [&problem](const std::string& engine, Preset preset, const EngineBudget& budget) {
    const double start = Now();
    const EngineOutcome found = engine == "dqn"      ? *SearchDqn(problem, preset, budget, {})
                                : engine == "greedy" ? SearchGreedy(problem, preset, budget, {})
                                                     : SearchRandom(problem, preset, budget, {});
    return Summary(found, found.cost.step_time.value, start);
  };
  return result;
}

Problem CutsOf(const PipelineProblem& problem) {
  Problem result;
  result.decisions = UsualDecisions(problem.options().stages);
  const PipelineBound bound = SimulatedBoundOf(problem);
  result.bound = bound.lower_bound.value;
  if (bound.is_found) result.exact = problem.SimulatedCost(bound.best).length.value;
  result.run = [&problem](const std::string& engine, Preset preset, const EngineBudget& budget) {
    const double start = Now();
    const PipelineEnvironment root = PipelineEnvironmentOf(problem, preset);  // each its own
    PipelineOutcome found = engine == "dqn"      ? *SearchCutsByDqn(root, budget, {})
                            : engine == "greedy" ? SearchCutsGreedily(root, budget, {})
                                                 : SearchCutsRandomly(root, budget, {});
    JudgeBySimulation(problem, found);
    return Summary(found, found.cost.length.value, start);
  };
  return result;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// Median over the runs of the best so far after `decisions`; a run without one yet counts as worst.
double MedianAt(const std::vector<Played>& runs, int64_t decisions) {
  std::vector<double> values;
  for (const Played& run : runs) {
    double best = run.curve.empty() ? 0 : run.curve.front().second;
    for (const auto& [at, time] : run.curve)
      if (at <= decisions) best = time;
    values.push_back(best);
  }
  return Median(values);
}

// Step time over the best known, in per cent on a logarithmic axis from 0.01 to 1000, over
// decisions.
std::string Svg(const std::string& title, const std::map<std::string, std::vector<Played>>& engines,
                double best, int64_t budget) {
  const int width = 560, height = 320, left = 60, top = 30, right = 130, bottom = 40;
  const char* dashes[] = {"", "6,3", "2,2", "8,2,2,2", "1,4", "12,4"};
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"560\" height=\"320\" "
      "font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"560\" height=\"320\" "
      "fill=\"white\"/>\n<text x=\"60\" y=\"18\">" +
      title + "</text>\n";
  const auto y_of = [&](double gap) {
    const double share = (std::log10(std::clamp(gap, 0.01, 1000.0)) + 2) / 5;
    return top + (1 - share) * (height - top - bottom);
  };
  char text[256];
  for (const double gap : {0.01, 0.1, 1.0, 10.0, 100.0, 1000.0}) {
    std::snprintf(
        text, sizeof(text),
        "<line x1=\"%d\" x2=\"%d\" y1=\"%.0f\" y2=\"%.0f\" stroke=\"#ddd\"/><text x=\"8\" "
        "y=\"%.0f\">%g %%</text>\n",
        left, width - right, y_of(gap), y_of(gap), y_of(gap) + 4, gap);
    svg += text;
  }
  int index = 0;
  for (const auto& [engine, runs] : engines) {
    std::string points;
    for (int i = 0; i <= 80; ++i) {
      const double gap = 100 * (MedianAt(runs, budget * i / 80) / best - 1);
      std::snprintf(text, sizeof(text), "%.1f,%.1f ", left + (width - left - right) * i / 80.0,
                    y_of(gap));
      points += text;
    }
    std::snprintf(text, sizeof(text), "<text x=\"%d\" y=\"%d\">%s</text>\n", width - right + 45,
                  top + 14 + 18 * index, engine.c_str());
    svg += text;
    std::snprintf(text, sizeof(text),
                  "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"black\" "
                  "stroke-dasharray=\"%s\"/>\n",
                  width - right + 8, width - right + 40, top + 10 + 18 * index,
                  top + 10 + 18 * index, dashes[index % 6]);
    svg += text;
    svg += "<polyline fill=\"none\" stroke=\"black\" stroke-width=\"1.5\" stroke-dasharray=\"" +
           std::string(dashes[index % 6]) + "\" points=\"" + points + "\"/>\n";
    ++index;
  }
  std::snprintf(text, sizeof(text),
                "<text x=\"%d\" y=\"%d\">decisions, 0 to %ld; median over %zu seeds"
                "</text>\n</svg>\n",
                left, height - 12, static_cast<long>(budget), engines.begin()->second.size());
  return svg + text;
}

struct Options {
  int seeds = 20;
  std::string folder;
  std::set<std::string> rows;
};

void Report(const Row& row, const Problem& problem, const Options& options) {
  std::map<std::string, std::vector<Played>> runs;
  const auto play = [&](const std::string& label, const std::string& engine, Preset preset,
                        double seconds) {
    for (int seed = 1; seed <= options.seeds; ++seed) {
      EngineBudget budget;
      budget.decisions = seconds > 0 ? int64_t{1} << 40 : problem.decisions;
      budget.seed = seed;
      const double deadline = Now() + seconds;
      if (seconds > 0) budget.stop = [deadline] { return Now() > deadline; };
      runs[label].push_back(problem.run(engine, preset, budget));
    }
  };
  play("dqn", "dqn", Preset::kDefault, 0);
  play("greedy", "greedy", Preset::kDefault, 0);
  play("random", "random", Preset::kDefault, 0);
  std::vector<double> walls;
  for (const Played& run : runs["dqn"]) walls.push_back(run.wall);
  play("greedy, equal time", "greedy", Preset::kDefault, Median(walls));
  play("random, equal time", "random", Preset::kDefault, Median(walls));
  play("dqn, paper preset", "dqn", Preset::kPaper, 0);
  double best = problem.exact > 0 ? problem.exact : 1e300;
  for (const auto& [label, outcomes] : runs) {
    for (const Played& run : outcomes)
      if (run.best > 0) best = std::min(best, run.best);
  }
  std::string text;
  char line[256];
  std::snprintf(
      line, sizeof(line), "%-20s best known %.6f s, proved bound %.6f s (gap %.2f %%), %d seeds\n",
      row.name.c_str(), best, problem.bound, 100 * (1 - problem.bound / best), options.seeds);
  text += line;
  for (const auto& [label, outcomes] : runs) {
    std::vector<double> gaps, to_best, seconds;
    int at_best = 0, found = 0;
    for (const Played& run : outcomes) {
      if (run.best <= 0) continue;
      ++found;
      gaps.push_back(100 * (run.best / best - 1));
      at_best += run.best <= best * (1 + 1e-9);
      to_best.push_back(run.decisions_to_best);
      seconds.push_back(run.wall);
    }
    std::snprintf(line, sizeof(line),
                  "%-20s   %-20s median %8.3f %%  worst %8.3f %%  at best %2d of %2d  decisions to "
                  "its best %6.0f  "
                  "seconds %7.3f%s\n",
                  row.name.c_str(), label.c_str(), Median(gaps),
                  gaps.empty() ? 0.0 : *std::max_element(gaps.begin(), gaps.end()), at_best,
                  options.seeds, Median(to_best), Median(seconds),
                  found < options.seeds ? "  (some seeds found no plan)" : "");
    text += line;
  }
  std::fputs(text.c_str(), stdout);
  if (options.folder.empty()) return;
  std::ofstream(options.folder + "/agents.txt", std::ios::app) << text;
  runs.erase("greedy, equal time"), runs.erase("random, equal time");
  std::ofstream(options.folder + "/" + row.name + ".svg")
      << Svg(row.name, runs, best, problem.decisions);
}

bool IsDone(const Row& row, const Options& options) {
  std::ifstream file(options.folder + "/agents.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, row.name.size() + 1, row.name + " ") == 0) return true;
  }
  return false;
}

void Run(const Row& row, const Options& options) {
  const auto module = PrepareZoo(row.module);
  const Cluster cluster = *ClusterFromProto(*ClusterPreset(row.cluster));
  if (row.kind == "pp") {
    const LayerChain chain = *ChainOfModule(*module, cluster, row.micro_batches);
    const PipelineProblem problem(chain, cluster, {row.size, row.micro_batches, false});
    return Report(row, CutsOf(problem), options);
  }
  const SplitTask task = *MakeSplitTask(*module, cluster, {row.kind, row.size, {}, row.fold, true});
  Report(row, SplitsOf(*task.problem), options);
}

// Null: the word is no description of a row.
std::optional<Row> RowOf(const std::string& word) {
  const std::vector<std::string> parts = absl::StrSplit(word, ':');
  if (parts.size() < 4 || parts.size() > 5 || parts[0] != "pp") return std::nullopt;
  Row row = {word, parts[0], parts[1], parts[2], std::atoi(parts[3].c_str())};
  std::replace(row.name.begin(), row.name.end(), ':', '-');
  if (parts.size() == 5) row.micro_batches = std::atoi(parts[4].c_str());
  return row;
}

void RunUnlessDone(const Row& row, const Options& options) {
  if (options.folder.empty() || !IsDone(row, options)) Run(row, options);
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  automap::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--seeds" && i + 1 < argc)
      options.seeds = std::max(1, std::atoi(argv[++i]));
    else if (word == "--out" && i + 1 < argc)
      std::filesystem::create_directories(options.folder = argv[++i]);
    else
      options.rows.insert(word);
  }
  for (const automap::Row& row : automap::kRows) {
    if (options.rows.empty() || options.rows.contains(row.name))
      automap::RunUnlessDone(row, options);
  }
  for (const std::string& word : options.rows) {
    if (const auto row = automap::RowOf(word)) automap::RunUnlessDone(*row, options);
  }
}

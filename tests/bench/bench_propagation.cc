// bench-propagation: what propagation costs on the zoo's large modules, axis of 8. Best of 9, with
// the median beside it.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <vector>

#include "planner/propagation/linkage_groups.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

constexpr int kRuns = 9;
constexpr int64_t kAxisSize = 8;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double BytesInUse() { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd); }

struct Spread {
  double best = 0, median = 0;
};

template <typename Work>
Spread Measured(const Work& work) {
  std::vector<double> seconds;
  for (int run = 0; run < kRuns; ++run) {
    const double start = Now();
    work();
    seconds.push_back(Now() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[kRuns / 2]};
}

// What one pass over all groups does: each is split and taken back.
struct Touched {
  int64_t tensors = 0, nodes = 0, uses = 0;
};

Touched CountTouched(const Wiring& wiring, const LinkageGroups& found) {
  Touched touched;
  for (const LinkageGroup& group : found.groups) {
    touched.tensors += group.tensors.size();
    touched.nodes += group.factors.size();
    for (const TensorDim& place : group.tensors) touched.uses += wiring.uses(place.tensor).size();
  }
  return touched;
}

void Run(const std::string& name) {
  const auto module = PrepareZoo(name);
  PropagationOptions options;
  options.axis_size = kAxisSize;
  const double before = BytesInUse();
  const Wiring wiring(module->graph(), module->roles());
  Propagation propagation(wiring, options);
  const double bytes = BytesInUse() - before;
  const Spread build = Measured([&] { Wiring(module->graph(), module->roles()); });
  LinkageGroups found;
  const Spread groups = Measured(
      [&] { found = FindLinkageGroups(wiring, module->roles(), Role::kVariable, options); });
  const Touched touched = CountTouched(wiring, found);
  const Spread splits = Measured([&] {
    for (const LinkageGroup& group : found.groups) {
      const ParameterDim& member = group.members[0];
      propagation.Split({module->graph().parameters()[member.parameter].tensor, member.dim});
      propagation.UndoTo(0);
    }
  });
  const double nodes = module->graph().node_count();
  std::printf(
      "| %s | %.0f | %.0f | %.1f | %zu | %.1f (%.1f) | %.1f (%.1f) | %.1f | %.0f | %.1f (%.1f) |\n",
      name.c_str(), nodes, bytes / nodes, 1e3 * build.best, found.groups.size(), 1e3 * groups.best,
      1e3 * groups.median, 1e9 * splits.best / touched.tensors,
      1e9 * splits.median / touched.tensors, 1e9 * splits.best / touched.uses,
      found.groups.size() / splits.best, 1e3 * splits.best, 1e3 * splits.median);
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  std::set<std::string> names(argv + 1, argv + argc);
  if (names.empty()) names = {"scan-lm-7b", "t5-11b", "t5-11b-paper", "bert-48"};
  std::printf(
      "axis of 8; best of 9 (median)\n\n"
      "| module | nodes | bytes / node | wiring, ms | groups | all groups, ms | ns / split tensor "
      "with undo | ns / use | decisions / s | one pass, ms |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& name : names) automap::Run(name);
}

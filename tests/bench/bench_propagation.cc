// bench-propagation: what propagation costs on the zoo's large modules, axis of 8, and beside it
// XLA's own passes on the same modules where XLA_PYTHON names a Python that has jaxlib. Best of 9,
// with the median beside it.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/files.h"
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
  // "4.6 (4.9)" of a unit of which a second has `per_second`.
  std::string Text(double per_second) const {
    char text[64];
    std::snprintf(text, sizeof(text), "%.2f (%.2f)", best * per_second, median * per_second);
    return text;
  }
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

// What one pass over all groups does, in which each is split and taken back.
struct Touched {
  double tensors = 0, uses = 0;
};

Touched CountTouched(const Wiring& wiring, const LinkageGroups& found) {
  Touched touched;
  for (const LinkageGroup& group : found.groups) {
    touched.tensors += static_cast<double>(group.tensors.size());
    for (const TensorDim& place : group.tensors) {
      touched.uses += static_cast<double>(wiring.uses(place.tensor).size());
    }
  }
  return touched;
}

void Run(const std::string& name) {
  const auto module = PrepareZoo(name);
  const Graph& graph = module->graph();
  const Roles& roles = module->roles();
  const PropagationOptions options = {.axis_size = kAxisSize, .semantics = {}};
  const double before = BytesInUse();
  const Wiring wiring(graph, roles);
  Propagation propagation(wiring, options);
  const double bytes = BytesInUse() - before;
  const Spread build = Measured([&] { const Wiring again(graph, roles); });
  LinkageGroups found;
  const Spread groups =
      Measured([&] { found = FindLinkageGroups(wiring, roles, Role::kVariable, options); });
  const Spread splits = Measured([&] {
    for (const LinkageGroup& group : found.groups) {
      const ParameterDim& member = group.members[0];
      propagation.Split({graph.parameters()[member.parameter].tensor, member.dim});
      propagation.UndoTo(0);
    }
  });
  const Spread inputs = Measured([&] {
    for (size_t p = 0; p < graph.parameters().size(); ++p) {
      if (roles.of[p] == Role::kInput && graph.tensor(graph.parameters()[p].tensor).rank > 0) {
        propagation.Split({graph.parameters()[p].tensor, 0});
      }
    }
    propagation.UndoTo(0);
  });
  const Touched touched = CountTouched(wiring, found);
  std::printf("| %s | %d | %.0f | %s | %zu | %s | %s | %.1f | %.0f | %s |\n", name.c_str(),
              graph.node_count(), bytes / graph.node_count(), build.Text(1e3).c_str(),
              found.groups.size(), groups.Text(1e3).c_str(),
              splits.Text(1e9 / touched.tensors).c_str(), 1e9 * splits.best / touched.uses,
              static_cast<double>(found.groups.size()) / splits.best, inputs.Text(1e3).c_str());
}

// XLA's passes on the same modules, or a word on why not.
void RunXla(const std::string& program, const std::vector<std::string>& names) {
  const char* python = std::getenv("XLA_PYTHON");
  if (python == nullptr) {
    std::printf(
        "\nXLA beside it: not measured. Make a virtual environment with tests/xla/requirements.txt "
        "and set XLA_PYTHON to its python.\n");
    return;
  }
  std::printf(
      "\nXLA's passes, inputs split on dim 0 over 8 devices, once each, as XLA logs them; the "
      "partitioner also writes the new program\n\n"
      "| module | sharding propagation, ms | SPMD partitioning, ms |\n|---|---|---|\n");
  std::fflush(stdout);
  const std::string data = TestData("");
  std::string command = absl::StrCat(python, " ", data, "../bench/xla_propagation.py --tools ",
                                     program.substr(0, program.rfind('/') + 1), ".");
  for (const std::string& name : names) {
    absl::StrAppend(&command, " ", data, "zoo/", name, ".hlo.pb.gz");
  }
  if (std::system(command.c_str()) != 0) std::printf("XLA beside it: failed\n");
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  std::vector<std::string> names(argv + 1, argv + argc);
  if (names.empty()) names = {"scan-lm-7b", "t5-11b", "t5-11b-paper", "bert-48"};
  std::printf(
      "Axis of 8; best of 9 (median). A pass splits the first member of every group and takes it "
      "back.\n\n"
      "| module | nodes | bytes / node | wiring, ms | groups | all groups, ms | ns / split tensor, "
      "undo included | ns / use | decisions / s | all inputs on dim 0, ms |\n"
      "|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& name : names) automap::Run(name);
  automap::RunXla(argv[0], names);
}

// bench-semantics: what each option beyond strict propagation does to the best plan: step time,
// bytes moved, memory and search time, memory limit on and lifted. `bench-semantics NAME...` picks
// modules. Prints a Markdown table.
#include <cstdio>
#include <set>

#include "planner/plan_module.h"
#include "simulator/cluster/presets.h"
#include "tests/support/files.h"

namespace automap {
namespace {

struct Case {
  const char* module;
  const char* cluster;
};

constexpr Case kCases[] = {
    {"vgg19", "v100x8x1-25gbps"},
    {"resnet50", "v100x8x1-25gbps"},
    {"scan-lm-7b", "a100x8x2-200gbps"},
    {"t5-base-paper", "v100x8x1-25gbps"},
    {"t5-small-dropout", "v100x8x1-25gbps"},
    {"t5-3b-paper", "v100x8x1-25gbps"},
    {"t5-11b-paper", "v100x8x4-25gbps"},
    {"bert-48", "v100x8x1-25gbps"},
};

const std::vector<std::string> kOptions[] = {
    {"strict"},  {"deferred-sums"},    {"reshards"},
    {"padding"}, {"composite-splits"}, {"deferred-sums", "reshards"},
};

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void Run(const Case& item, bool ignore_memory) {
  const std::string bytes = ReadTestData(std::string("zoo/") + item.module + ".hlo.pb.gz");
  for (const auto& allowed : kOptions) {
    v1::PlanOptions options;
    options.set_strategy("opp");
    options.set_ignore_memory(ignore_memory);
    options.mutable_allow()->Add(allowed.begin(), allowed.end());
    const auto plan =
        PlanModule(bytes, *ClusterPreset(item.cluster), options, {}, [] { return false; });
    if (!plan.ok()) {
      std::printf("| %s | %s | %s |\n", item.module, Joined(allowed).c_str(),
                  std::string(plan.status().message()).c_str());
      continue;
    }
    double moved = 0;
    for (const auto& collective : plan->cost().collectives()) {
      moved += static_cast<double>(collective.bytes());
    }
    const bool is_proved = plan->bound().has_gap() && plan->bound().gap() == 0;
    std::printf("| %s | %s | %s | %s | %.4f%s | %.2f | %.1f%s | %d | %.2f |\n", item.module,
                item.cluster, ignore_memory ? "lifted" : "on", Joined(allowed).c_str(),
                plan->cost().step_time_s(), is_proved ? " proved" : "", moved / 1e9,
                static_cast<double>(plan->cost().peak_memory_bytes()) / (1 << 30),
                plan->cost().fits() ? "" : " does not fit", plan->reshards_size(),
                plan->search().wall_s());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  const std::set<std::string> wanted(argv + 1, argv + argc);
  std::puts(
      "| module | cluster | memory limit | allowed | step s | GB moved | GiB per device | reshards "
      "| search s |\n|---|---|---|---|---|---|---|---|---|");
  for (const auto& item : automap::kCases) {
    if (!wanted.empty() && !wanted.contains(item.module)) continue;
    for (const bool ignore_memory : {true, false}) automap::Run(item, ignore_memory);
  }
}

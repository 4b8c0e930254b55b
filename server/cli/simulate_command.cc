#include <algorithm>
#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "planner/simulate_module_plan.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"
#include "server/cli/plan_table.h"

namespace automap {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kBarWidth = 40;
constexpr size_t kMostLayers = 12;

struct Flags {
  std::string module, cluster, plan, output = "table";
};

std::string Bar(double share) {
  const int filled = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarWidth + 0.5);
  return std::string(filled, '#') + std::string(kBarWidth - filled, '.');
}

void PrintShares(const std::vector<TimeShare>& shares, size_t most, double whole) {
  TimeShare rest = {"everything else", {}, 0};
  for (size_t i = most; i < shares.size(); ++i) {
    rest.time += shares[i].time;
    rest.count += shares[i].count;
  }
  std::vector<TimeShare> shown(shares.begin(), shares.begin() + std::min(most, shares.size()));
  if (shares.size() > most) shown.push_back(rest);
  for (const TimeShare& share : shown) {
    const double part = whole > 0 ? share.time.value / whole : 0;
    fmt::print("  {:<34} {:>10} {:>5.1f} %  {}  {}\n", share.name.substr(0, 34),
               DurationText(share.time.value), 100 * part, Bar(part), share.count);
  }
}

void PrintMemory(const v1::Plan::Cost& cost) {
  const double limit = static_cast<double>(cost.memory_limit_bytes());
  const double rest =
      static_cast<double>(cost.peak_memory_bytes() - cost.parameter_bytes() -
                          cost.gradient_bytes() - cost.optimizer_bytes() - cost.activation_bytes());
  fmt::print("memory at its peak: {} of {} per device{}\n", SizeText(cost.peak_memory_bytes()),
             SizeText(limit), cost.fits() ? "" : ", DOES NOT FIT");
  const bool is_apart = cost.gradient_bytes() > 0;
  const std::pair<const char*, double> parts[] = {
      {"parameters", static_cast<double>(cost.parameter_bytes())},
      {"gradients", static_cast<double>(cost.gradient_bytes())},
      {"optimizer state", static_cast<double>(cost.optimizer_bytes())},
      {is_apart ? "activations and workspace" : "activations and gradients",
       static_cast<double>(cost.activation_bytes())},
      {"inputs and other state", rest}};
  for (const auto& [name, bytes] : parts) {
    if (bytes <= 0) continue;
    const double part = limit > 0 ? bytes / limit : 0;
    fmt::print("  {:<34} {:>10} {:>5.1f} %  {}\n", name, SizeText(bytes), 100 * part, Bar(part));
  }
  if (cost.largest_tensors().empty()) return;
  fmt::print("largest tensors then\n");
  for (const auto& tensor : cost.largest_tensors())
    fmt::print("  {:>10}  {}\n", SizeText(tensor.bytes()), tensor.name());
}

Json SharesJson(const std::vector<TimeShare>& shares) {
  Json json = Json::array();
  for (const TimeShare& share : shares)
    json.push_back({{"name", share.name}, {"timeS", share.time.value}, {"count", share.count}});
  return json;
}

void PrintJson(const PlanSimulation& simulation) {
  const Json plan = Json::parse(PlanJson(simulation.plan));
  Json json = {{"cost", plan["cost"]},
               {"kinds", SharesJson(simulation.kinds)},
               {"layers", SharesJson(simulation.layers)}};
  if (simulation.plan.stages_size() > 0) json["stages"] = plan["stages"];
  fmt::print("{}\n", json.dump(2));
}

ExitCode Run(const Flags& flags) {
  const auto bytes = ReadFile(flags.module);
  if (!bytes.ok()) return Fail(bytes.status());
  const auto cluster = ReadCluster(flags.cluster);
  if (!cluster.ok()) return Fail(cluster.status());
  const auto plan = ReadPlan(flags.plan);
  if (!plan.ok()) return Fail(plan.status());
  const auto simulation = SimulateModulePlan(*bytes, *cluster, *plan);
  if (!simulation.ok()) return Fail(simulation.status());
  const v1::Plan::Cost& cost = simulation->cost;
  if (flags.output == "json") {
    PrintJson(*simulation);
  } else {
    fmt::print("one step: {} ({} to {} in nine cases of ten), utilization {:.0f} %\n",
               DurationText(cost.step_time_s()), DurationText(cost.step_time_low_s()),
               DurationText(cost.step_time_high_s()), 100 * cost.utilization());
    PrintShares(simulation->kinds, simulation->kinds.size(), cost.step_time_s());
    fmt::print("{}", simulation->plan.stages_size() > 0 ? "by stage, of the average device\n"
                                                        : "by layer\n");
    PrintShares(simulation->layers, kMostLayers, cost.step_time_s());
    PrintMemory(cost);
    fmt::print("{}", StageTable(simulation->plan));
  }
  return cost.fits() ? kDone : kAnswerIsNo;
}

}  // namespace

void AddSimulateCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("simulate", "where a plan's time and memory go");
  command->add_option("MODULE", flags->module, "HLO module: proto, text or JSON, gzipped or not")
      ->required();
  command->add_option("--cluster", flags->cluster, "preset (v100x8x4-25gbps) or JSON file")
      ->required();
  command->add_option("--plan", flags->plan, "plan as JSON or binary; - for stdin")->required();
  command->add_option("-o", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([flags, &code] { code = Run(*flags); });
}

}  // namespace automap

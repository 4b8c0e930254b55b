#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "planner/verify_module_plan.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"

namespace automap {
namespace {

struct Flags {
  std::string module, cluster, plan;
};

ExitCode Run(const Flags& flags) {
  const auto bytes = ReadFile(flags.module);
  if (!bytes.ok()) return Fail(bytes.status());
  const auto cluster = ReadCluster(flags.cluster);
  if (!cluster.ok()) return Fail(cluster.status());
  const auto plan = ReadPlan(flags.plan);
  if (!plan.ok()) return Fail(plan.status());
  const absl::Status verdict = VerifyModulePlan(*bytes, *cluster, *plan);
  if (!verdict.ok()) return Fail(verdict);
  fmt::print(
      "OK: shardings, collectives, memory, time and bound follow from the module, the cluster and "
      "the plan's splits\n");
  return kDone;
}

}  // namespace

void AddVerifyCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("verify", "whether a plan is what it says it is");
  command->add_option("MODULE", flags->module, "HLO module: proto, text or JSON, gzipped or not")
      ->required();
  command->add_option("--cluster", flags->cluster, "preset (v100x8x4-25gbps) or JSON file")
      ->required();
  command->add_option("--plan", flags->plan, "plan as JSON or binary; - for stdin")->required();
  command->callback([flags, &code] { code = Run(*flags); });
}

}  // namespace automap

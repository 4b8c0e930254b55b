#include <cstdio>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "fmt/format.h"
#include "planner/strategy_names.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"
#include "server/cli/local_plan.h"
#include "server/cli/plan_table.h"
#include "server/cli/progress_line.h"
#include "server/cli/remote.h"

namespace automap {
namespace {

struct Flags {
  std::string module, profile_chain, cluster, strategy = "auto", preset = "default", roles, profile,
                                              timeout, output = "table";
  ServerAddress server;
  int axis_size = 0, stages = 0, micro_batches = 0;
  int64_t max_decisions = 0;
  uint64_t seed = 0;
  bool ignore_memory = false, robust = false, local = false;
  std::vector<std::string> allow;
};

absl::StatusOr<LocalPlanRequest> MakeRequest(const Flags& flags) {
  LocalPlanRequest request;
  if (flags.module.empty() == flags.profile_chain.empty()) {
    return absl::InvalidArgumentError("plan: needs a MODULE or --profile-chain FILE, and not both");
  }
  // A profile is told from a module by its content, here as everywhere.
  auto bytes = ReadFile(flags.module.empty() ? flags.profile_chain : flags.module);
  if (!bytes.ok()) return bytes.status();
  auto cluster = ReadCluster(flags.cluster);
  if (!cluster.ok()) return cluster.status();
  auto roles = ReadRoles(flags.roles);
  if (!roles.ok()) return roles.status();
  auto profile = ReadProfile(flags.profile);
  if (!profile.ok()) return profile.status();
  if (!flags.timeout.empty()) {
    absl::Duration limit;
    if (!absl::ParseDuration(flags.timeout, &limit) || limit <= absl::ZeroDuration()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--timeout ", flags.timeout, ": must be a duration, e.g. 60s"));
    }
    request.time_limit_s = absl::ToDoubleSeconds(limit);
  }
  request.module = *std::move(bytes);
  request.cluster = *std::move(cluster);
  v1::PlanOptions& options = request.options;
  options.set_strategy(flags.strategy);
  options.set_preset(flags.preset);
  options.set_axis_size(flags.axis_size);
  options.set_stages(flags.stages);
  options.set_micro_batches(flags.micro_batches);
  options.set_ignore_memory(flags.ignore_memory);
  options.set_robust(flags.robust);
  *options.mutable_profile() = *std::move(profile);
  options.set_seed(flags.seed);
  options.set_max_decisions(flags.max_decisions);
  *options.mutable_roles() = *std::move(roles);
  options.mutable_allow()->Add(flags.allow.begin(), flags.allow.end());
  return request;
}

ExitCode Print(const Flags& flags, const v1::Plan& plan) {
  if (flags.output == "json") {
    fmt::print("{}", PlanJson(plan));
  } else if (flags.output == "proto") {
    const std::string bytes = plan.SerializeAsString();
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  } else {
    fmt::print("{}", PlanTable(plan));
  }
  return plan.cost().fits() || flags.ignore_memory ? kDone : kAnswerIsNo;
}

ExitCode Run(const Flags& flags) {
  const auto request = MakeRequest(flags);
  if (!request.ok()) return Fail(request.status());
  absl::StatusOr<v1::Plan> plan;
  {
    ProgressLine line;
    const auto show = [&](const v1::Progress& progress) { line.Show(progress); };
    plan = flags.local ? PlanLocally(*request, show)
                       : Remote(flags.server)
                             .Plan(request->module, request->cluster, request->options,
                                   request->time_limit_s, show);
  }
  if (!plan.ok()) return Fail(plan.status());
  return Print(flags, *plan);
}

}  // namespace

void AddPlanCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("plan", "find a distributed execution plan");
  command->add_option("MODULE", flags->module, "HLO module: proto, text or JSON, gzipped or not");
  command->add_option("--profile-chain", flags->profile_chain,
                      "a chain of measured layers instead of a module");
  command->add_option("--cluster", flags->cluster, "preset (v100x8x4-25gbps) or JSON file")
      ->required();
  command->add_option("--strategy", flags->strategy, StrategyNamesInWords());
  command->add_option("--preset", flags->preset, "default or paper");
  AddAllowOption(*command, flags->allow);
  command->add_option("--axis-size", flags->axis_size,
                      "devices on the model axis; must divide the device count");
  command->add_option("--stages", flags->stages, "pipeline stages");
  command->add_option("--micro-batches", flags->micro_batches, "micro-batches per step");
  command->add_option("--roles", flags->roles, "JSON file with the roles that you know");
  command->add_option("--profile", flags->profile, "JSON file with the times that you measured");
  command->add_flag("--robust", flags->robust,
                    "the plan that stays good when bandwidths or efficiencies are off by 20 %");
  command->add_flag("--ignore-memory", flags->ignore_memory, "search with the memory limit lifted");
  command->add_option("--seed", flags->seed, "seed of every random choice");
  command->add_option("--max-decisions", flags->max_decisions,
                      "decisions that each engine makes, even once it is at the proven optimum");
  command->add_option("--timeout", flags->timeout, "best plan found in this time, e.g. 60s");
  command->add_option("-o", flags->output, "table, json or proto")
      ->check(CLI::IsMember({"table", "json", "proto"}));
  command->add_flag("--local", flags->local, "without a server");
  AddServerAddress(*command, flags->server);
  command->callback([flags, &code] { code = Run(*flags); });
}

}  // namespace automap

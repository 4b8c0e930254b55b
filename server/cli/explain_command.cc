#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "planner/explain_parameter.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"

namespace automap {
namespace {

struct Flags {
  std::string module, plan, name, output = "table";
};

void PrintChains(const Json& chains) {
  for (const Json& chain : chains) {
    fmt::print("      because\n");
    for (const Json& line : chain) fmt::print("        {}\n", line.get<std::string>());
  }
}

void Print(const Json& json) {
  fmt::print("{} {} {}\n", json["name"].get<std::string>(), json["dtype"].get<std::string>(),
             json["shape"].dump());
  if (json["axes"].empty()) fmt::print("  replicated: the plan uses one device\n");
  for (const Json& axis : json["axes"]) {
    fmt::print("  axis {} of {}: {}\n", axis["axis"].get<std::string>(),
               axis["size"].get<int64_t>(), axis["summary"].get<std::string>());
    if (axis.contains("chain")) PrintChains(Json::array({axis["chain"]}));
    if (!axis.contains("dims")) continue;
    for (const Json& dim : axis["dims"]) {
      fmt::print("    dim {}: {}\n", dim["dim"].get<int>(), dim["reason"].get<std::string>());
      if (dim.contains("chains")) PrintChains(dim["chains"]);
    }
  }
}

ExitCode Run(const Flags& flags) {
  const auto bytes = ReadFile(flags.module);
  if (!bytes.ok()) return Fail(bytes.status());
  const auto plan = ReadPlan(flags.plan);
  if (!plan.ok()) return Fail(plan.status());
  const auto json = ExplainParameter(*bytes, *plan, flags.name);
  if (!json.ok()) return Fail(json.status());
  if (flags.output == "json") {
    fmt::print("{}\n", json->dump(2));
  } else {
    Print(*json);
  }
  return kDone;
}

}  // namespace

void AddExplainCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("explain", "why a plan splits a parameter, or leaves it whole");
  command->add_option("MODULE", flags->module, "HLO module: proto, text or JSON, gzipped or not")
      ->required();
  command->add_option("--plan", flags->plan, "plan as JSON or binary; - for stdin")->required();
  command->add_option("NAME", flags->name, "the parameter's name, or #N")->required();
  command->add_option("-o", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([flags, &code] { code = Run(*flags); });
}

}  // namespace automap

#include <cstdio>
#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "planner/inspect_module.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"

namespace automap {
namespace {

struct Flags {
  std::string module, roles, output = "table";
};

void PrintTable(const Json& json) {
  fmt::print(
      "{}: {} instructions in {} computations, {} nodes once calls are entered, {:.3g} FLOPs a "
      "step\n\n",
      json["module"].get<std::string>(), json["instructions"].get<int64_t>(),
      json["computations"].get<int64_t>(), json["nodes"].get<int64_t>(),
      json["flops"].get<double>());
  fmt::print("{:>5}  {:<16} {:<22} {}\n", "#", "role", "shape", "name (reason)");
  for (const Json& parameter : json["parameters"]) {
    fmt::print("{:>5}  {:<16} {:<22} {} ({})\n", parameter["parameterNumber"].get<int>(),
               parameter["role"].get<std::string>(),
               parameter["dtype"].get<std::string>() + parameter["shape"].dump(),
               parameter["name"].get<std::string>(), parameter["reason"].get<std::string>());
  }
  fmt::print("\nopcodes:");
  for (const auto& [name, count] : json["opcodes"].items())
    fmt::print(" {} {}", name, count.get<int64_t>());
  fmt::print("\n");
  for (const Json& name : json["unsupported"])
    fmt::print("unsupported, runs replicated: {}\n", name.get<std::string>());
  for (const Json& remark : json["remarks"]) fmt::print("remark: {}\n", remark.get<std::string>());
}

ExitCode Run(const Flags& flags) {
  const auto bytes = ReadFile(flags.module);
  if (!bytes.ok()) return Fail(bytes.status());
  const auto roles = ReadRoles(flags.roles);
  if (!roles.ok()) return Fail(roles.status());
  const auto json = InspectModule(*bytes, *roles);
  if (!json.ok()) return Fail(json.status());
  if (flags.output == "json") {
    fmt::print("{}\n", json->dump(2));
  } else {
    PrintTable(*json);
  }
  return kDone;
}

}  // namespace

void AddInspectCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "inspect", "computations, opcodes, FLOPs, and every parameter's role and why");
  command->add_option("MODULE", flags->module, "HLO module: proto, text or JSON, gzipped or not")
      ->required();
  command->add_option("--roles", flags->roles, "JSON file with the roles that you know");
  command->add_option("-o", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([flags, &code] { code = Run(*flags); });
}

}  // namespace automap

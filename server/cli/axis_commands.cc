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
  AxisQuestion question;
  std::vector<std::string> sets;
};

std::string Place(const Json& place) {
  return fmt::format("#{}:{}", place["parameterNumber"].get<int>(), place["dim"].get<int>());
}

void PrintGroups(const Json& json) {
  fmt::print("{} groups on an axis of {}\n", json["groups"].size(),
             json["axisSize"].get<int64_t>());
  for (const Json& group : json["groups"]) {
    fmt::print("{:>5}  {:>5} members  {:>3} copies  excludes {:>3}  {} ...\n",
               group["id"].get<int>(), group["members"].size(), group["copies"].get<int>(),
               group["conflicts"].size(), group["name"].get<std::string>());
    for (const Json& cut : group.value("reshards", Json::array())) {
      fmt::print("       moves {} for {}\n", cut["tensor"].get<std::string>(),
                 cut["instruction"].get<std::string>());
    }
  }
  fmt::print("{} infeasible dims\n", json["infeasible"].size());
  for (const Json& item : json["infeasible"]) {
    fmt::print("       {} {}: {}\n", Place(item), item["name"].get<std::string>(),
               item.contains("like") ? fmt::format("like {}", Place(item["like"]))
                                     : item["reason"].get<std::string>());
    for (const Json& chain : item.value("chains", Json::array())) {
      fmt::print("         because\n");
      for (const Json& line : chain) fmt::print("           {}\n", line.get<std::string>());
    }
  }
}

void PrintPropagation(const Json& json) {
  if (json["verdict"] == "CONFLICT") {
    fmt::print("CONFLICT: {}\n", json["conflict"]["reason"].get<std::string>());
    for (const Json& chain : json["conflict"]["chains"]) {
      fmt::print("  because\n");
      for (const Json& line : chain) fmt::print("    {}\n", line.get<std::string>());
    }
    return;
  }
  fmt::print("OK: {} parameter dims split, {} tensors, {} all-reduces of {} bytes\n",
             json["split"].size(), json["tensorsSplit"].get<int64_t>(),
             json["allReduces"]["count"].get<std::string>(),
             json["allReduces"]["bytes"].get<std::string>());
  for (const Json& sum : json["otherCollectives"]) {
    fmt::print("    {} {} of {} bytes\n", sum["count"].get<std::string>(),
               sum["kind"].get<std::string>(), sum["bytes"].get<std::string>());
  }
  for (const Json& reshard : json["reshards"]) {
    fmt::print("    moves {} bytes of {} for {}\n", reshard["bytes"].get<std::string>(),
               reshard["tensor"].get<std::string>(), reshard["instruction"].get<std::string>());
  }
  for (const Json& place : json["split"]) fmt::print("  {}\n", Place(place));
}

void AddCommonOptions(CLI::App& command, Flags& flags) {
  command.add_option("MODULE", flags.module, "HLO module: proto, text or JSON, gzipped or not")
      ->required();
  command.add_option("--axis-size", flags.question.axis_size, "devices on the axis")
      ->required()
      ->check(CLI::Range(2, 1 << 20));
  command.add_flag("--paper-rule", flags.question.paper_rule,
                   "a reduce over a split dim is a conflict");
  AddAllowOption(command, flags.question.allow);
  command.add_option("--roles", flags.roles, "JSON file with the roles that you know");
  command.add_option("-o", flags.output, "table or json")->check(CLI::IsMember({"table", "json"}));
}

template <typename Ask>
absl::StatusOr<Json> Answer(const Flags& flags, const Ask& ask) {
  const auto bytes = ReadFile(flags.module);
  if (!bytes.ok()) return bytes.status();
  const auto roles = ReadRoles(flags.roles);
  if (!roles.ok()) return roles.status();
  return ask(*bytes, *roles);
}

ExitCode Print(const Flags& flags, const absl::StatusOr<Json>& json, void (*table)(const Json&)) {
  if (!json.ok()) return Fail(json.status());
  if (flags.output == "json") {
    fmt::print("{}\n", json->dump(2));
  } else {
    table(*json);
  }
  return json->contains("verdict") && (*json)["verdict"] == "CONFLICT" ? kAnswerIsNo : kDone;
}

}  // namespace

void AddGroupsCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("groups", "linkage groups, folded copies, infeasible dims with reasons");
  AddCommonOptions(*command, *flags);
  command->callback([flags, &code] {
    code = Print(*flags,
                 Answer(*flags,
                        [&](const std::string& bytes, const GivenRoleList& roles) {
                          return ProposeGroups(bytes, roles, flags->question);
                        }),
                 PrintGroups);
  });
}

void AddPropagateCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("propagate", "what follows from splits, what conflicts, and why");
  AddCommonOptions(*command, *flags);
  command->add_option("--set", flags->sets, "NAME:DIM or #N:DIM")->required();
  command->callback([flags, &code] {
    code = Print(*flags,
                 Answer(*flags,
                        [&](const std::string& bytes, const GivenRoleList& roles) {
                          return PropagateSplits(bytes, roles, flags->question, flags->sets);
                        }),
                 PrintPropagation);
  });
}

}  // namespace automap

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "server/cli/commands.h"
#include "server/cli/local_plan.h"

namespace automap {
namespace {

// Becomes the benchmark program; returns only when there is none.
ExitCode Run(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string program =
      (std::filesystem::path(WorkerProgram()).parent_path() / absl::StrCat("bench-", name))
          .string();
  std::vector<char*> words = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  Fail(absl::InvalidArgumentError(absl::StrCat(
      program, ": no such benchmark; build it with `cmake --build build --target bench-", name,
      "`")));
  return kUsage;
}

}  // namespace

void AddBenchCommand(CLI::App& app, ExitCode& code) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("bench", "a table of tests/bench");
  command->add_option("NAME", *name, "opp, hlo, ...")->required();
  auto arguments = std::make_shared<std::vector<std::string>>();
  command->add_option("ARGUMENTS", *arguments, "of the benchmark");
  command->callback([name, arguments, &code] { code = Run(*name, *arguments); });
}

}  // namespace automap

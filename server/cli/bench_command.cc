#include <unistd.h>

#include <filesystem>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "server/cli/commands.h"
#include "server/cli/local_plan.h"

namespace automap {
namespace {

// Becomes the benchmark program; returns only when there is none.
ExitCode Run(const std::string& name) {
  const std::string program =
      (std::filesystem::path(WorkerProgram()).parent_path() / absl::StrCat("bench-", name))
          .string();
  execl(program.c_str(), program.c_str(), nullptr);
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
  command->callback([name, &code] { code = Run(*name); });
}

}  // namespace automap

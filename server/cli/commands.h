// The commands of `automap`. Each Add function declares its flags on the app; the command runs
// while the app parses, and leaves its exit code in `code`.
#pragma once

#include "CLI/App.hpp"
#include "server/cli/exit_code.h"

namespace automap {

void AddPlanCommand(CLI::App& app, ExitCode& code);
void AddInspectCommand(CLI::App& app, ExitCode& code);
void AddGroupsCommand(CLI::App& app, ExitCode& code);
void AddPropagateCommand(CLI::App& app, ExitCode& code);
void AddSimulateCommand(CLI::App& app, ExitCode& code);
void AddVerifyCommand(CLI::App& app, ExitCode& code);
void AddExplainCommand(CLI::App& app, ExitCode& code);
void AddExportCommand(CLI::App& app, ExitCode& code);
void AddJobCommands(CLI::App& app, ExitCode& code);
void AddBenchCommand(CLI::App& app, ExitCode& code);

}  // namespace automap

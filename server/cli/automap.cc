// automap: the command line.
#include "CLI/CLI.hpp"
#include "base/version.h"
#include "server/cli/commands.h"

int main(int argc, char** argv) {
  CLI::App app("Auto-MAP: distributed execution plans for HLO training steps");
  app.require_subcommand(1);
  app.set_version_flag("--version", automap::kPlannerVersion);
  automap::ExitCode code = automap::kDone;
  automap::AddPlanCommand(app, code);
  automap::AddInspectCommand(app, code);
  automap::AddPropagateCommand(app, code);
  automap::AddGroupsCommand(app, code);
  automap::AddSimulateCommand(app, code);
  automap::AddVerifyCommand(app, code);
  automap::AddExplainCommand(app, code);
  automap::AddExportCommand(app, code);
  automap::AddJobCommands(app, code);
  automap::AddBenchCommand(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? automap::kDone : automap::kUsage;
  }
  return code;
}

#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/time_util.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"
#include "server/cli/plan_table.h"
#include "server/cli/progress_line.h"
#include "server/cli/remote.h"

namespace automap {
namespace {

struct Flags {
  ServerAddress server;
  std::string job, output = "table";
  int limit = 20;
};

std::string Json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string json;
  (void)google::protobuf::util::MessageToJsonString(message, &json, options);
  return json;
}

void PrintJob(const v1::PlanJob& job) {
  fmt::print("{}  {:<10} attempts {}  created {}  {}\n", job.name(),
             v1::PlanJob::State_Name(job.state()), job.attempts(),
             google::protobuf::util::TimeUtil::ToString(job.create_time()), job.error().message());
}

ExitCode Show(const Flags& flags, const absl::StatusOr<v1::PlanJob>& job) {
  if (!job.ok()) return Fail(job.status());
  if (flags.output == "json") {
    v1::PlanJob shown = *job;
    if (!shown.spec().has_module_name()) shown.mutable_spec()->clear_module();
    fmt::print("{}", Json(shown));
  } else {
    PrintJob(*job);
  }
  return kDone;
}

ExitCode List(const Flags& flags) {
  const auto page = Remote(flags.server).List(flags.limit);
  if (!page.ok()) return Fail(page.status());
  if (flags.output == "json") return fmt::print("{}", Json(*page)), kDone;
  for (const v1::PlanJob& job : page->plan_jobs()) PrintJob(job);
  return kDone;
}

ExitCode Watch(const Flags& flags) {
  absl::StatusOr<v1::Plan> plan;
  {
    ProgressLine line;
    plan = Remote(flags.server).Watch(flags.job, [&](const v1::Progress& progress) {
      line.Show(progress);
    });
  }
  if (!plan.ok()) return Fail(plan.status());
  fmt::print("{}", flags.output == "json" ? PlanJson(*plan) : PlanTable(*plan));
  return kDone;
}

ExitCode Delete(const Flags& flags) {
  const absl::Status status = Remote(flags.server).Delete(flags.job);
  return status.ok() ? kDone : Fail(status);
}

void AddJobCommand(CLI::App& app, ExitCode& code, const char* name, const char* help,
                   ExitCode (*run)(const Flags&), bool takes_job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(name, help);
  if (takes_job) command->add_option("JOB", flags->job, "planJobs/...")->required();
  if (!takes_job)
    command->add_option("--limit", flags->limit, "how many")->check(CLI::Range(1, 1000));
  AddServerAddress(*command, flags->server);
  command->add_option("-o", flags->output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  command->callback([flags, run, &code] { code = run(*flags); });
}

}  // namespace

void AddJobCommands(CLI::App& app, ExitCode& code) {
  AddJobCommand(app, code, "jobs", "the server's jobs, newest first", List, false);
  AddJobCommand(
      app, code, "get", "one job",
      [](const Flags& flags) { return Show(flags, Remote(flags.server).Get(flags.job)); }, true);
  AddJobCommand(app, code, "watch", "follow a job to its plan", Watch, true);
  AddJobCommand(
      app, code, "cancel", "stop a job",
      [](const Flags& flags) { return Show(flags, Remote(flags.server).Cancel(flags.job)); }, true);
  AddJobCommand(app, code, "delete", "remove an ended job", Delete, true);
}

}  // namespace automap

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "planner/export_module_plan.h"
#include "planner/simulate_module_plan.h"
#include "server/cli/commands.h"
#include "server/cli/inputs.h"

namespace automap {
namespace {

struct Flags {
  std::string module, plan, cluster, format, out;
  ExportOptions options;
};

const std::map<std::string, ExportFormat> kFormats = {
    {"hlo", ExportFormat::kHlo},
    {"partition-spec", ExportFormat::kPartitionSpec},
    {"shardy", ExportFormat::kShardy}};

constexpr char kStages[] = "stages";  // writes a folder

const std::map<std::string, PictureFormat> kPictures = {
    {"chrome-trace", PictureFormat::kChromeTrace}, {"svg", PictureFormat::kSvg}};

absl::StatusOr<std::string> Export(const Flags& flags, const std::string& bytes,
                                   const v1::Plan& plan) {
  const auto picture = kPictures.find(flags.format);
  if (picture == kPictures.end()) {
    ExportOptions options = flags.options;
    options.format = kFormats.at(flags.format);
    return ExportModulePlan(bytes, plan, options);
  }
  if (flags.cluster.empty())
    return absl::InvalidArgumentError(
        fmt::format("--cluster: missing, needed by --format {}", flags.format));
  const auto cluster = ReadCluster(flags.cluster);
  if (!cluster.ok()) return cluster.status();
  const auto simulation = SimulateModulePlan(bytes, *cluster, plan);
  if (!simulation.ok()) return simulation.status();
  return DrawTimeline(simulation->timeline, picture->second);
}

absl::Status Write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  if (out.flush()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("--out {}: cannot be written", path.string()));
}

absl::Status WriteStages(const Flags& flags, const std::string& bytes, const v1::Plan& plan) {
  const auto files = ExportModuleStages(bytes, plan);
  if (!files.ok()) return files.status();
  std::error_code error;
  std::filesystem::create_directories(flags.out, error);
  for (const ExportedFile& file : *files) {
    const absl::Status written = Write(std::filesystem::path(flags.out) / file.name, file.bytes);
    if (!written.ok()) return written;
  }
  return absl::OkStatus();
}

absl::Status WriteFile(const Flags& flags, const std::string& bytes, const v1::Plan& plan) {
  const auto exported = Export(flags, bytes, plan);
  if (!exported.ok()) return exported.status();
  if (flags.out != "-") return Write(flags.out, *exported);
  fmt::print("{}\n", *exported);
  return absl::OkStatus();
}

ExitCode Run(const Flags& flags) {
  const auto bytes = ReadFile(flags.module);
  if (!bytes.ok()) return Fail(bytes.status());
  const auto plan = ReadPlan(flags.plan);
  if (!plan.ok()) return Fail(plan.status());
  const bool is_folder = flags.format == kStages;
  const absl::Status status =
      is_folder ? WriteStages(flags, *bytes, *plan) : WriteFile(flags, *bytes, *plan);
  return status.ok() ? kDone : Fail(status);
}

}  // namespace

void AddExportCommand(CLI::App& app, ExitCode& code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("export", "a plan in the words of XLA, JAX or Shardy, or as a picture");
  command->add_option("MODULE", flags->module, "HLO module: proto, text or JSON, gzipped or not")
      ->required();
  command->add_option("--plan", flags->plan, "plan as JSON or binary; - for stdin")->required();
  command->add_option("--cluster", flags->cluster, "preset or JSON file; for chrome-trace and svg");
  std::vector<std::string> formats;
  for (const auto& [name, format] : kFormats) formats.push_back(name);
  for (const auto& [name, format] : kPictures) formats.push_back(name);
  formats.push_back(kStages);
  command->add_option("--format", flags->format, "what to write")
      ->required()
      ->check(CLI::IsMember(formats));
  command->add_flag_callback(
      "--pin", [flags] { flags->options.pins = std::max(flags->options.pins, Pins::kValues); },
      "with hlo: a sharding on every instruction, not on parameters and root only");
  command->add_flag_callback(
      "--pin-reads", [flags] { flags->options.pins = Pins::kReads; },
      "with hlo: as --pin, and an annotation wherever an instruction reads a slice of a value");
  command->add_option("--out", flags->out, "file to write, with stages a folder; - for stdout")
      ->required();
  command->callback([flags, &code] { code = Run(*flags); });
}

}  // namespace automap

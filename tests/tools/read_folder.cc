// read_folder DIR...: reads every file of the folders as HLO modules, several a file where lines of
// "// -----" part them, and prints what was read and what was refused with the reason. Exit code 1
// when a file could not be read.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "planner/hlo/read_module.h"

namespace automap {
namespace {

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

// Test scripts comment with # at the beginning of a line, which is no HLO.
std::string WithoutScriptLines(absl::string_view part) {
  std::string text;
  for (const absl::string_view line : absl::StrSplit(part, '\n')) {
    if (!absl::StartsWith(line, "#")) absl::StrAppend(&text, line, "\n");
  }
  return text;
}

// Whether anything but comments and blank lines is there.
bool HasCode(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && !absl::StartsWith(line, "//")) return true;
  }
  return false;
}

std::vector<std::string> Modules(const std::string& bytes) {
  const bool is_script = absl::StrContains(bytes.substr(0, 4096), "RUN:");
  if (!is_script) return {bytes};
  std::vector<std::string> modules;
  for (const absl::string_view part : absl::StrSplit(bytes, "\n// -----\n")) {
    if (HasCode(WithoutScriptLines(part))) modules.push_back(WithoutScriptLines(part));
  }
  return modules;
}

struct Counts {
  int files = 0, modules = 0, refused = 0;
};

void ReadFolder(const std::string& folder, Counts& counts) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() &&
        !absl::StrContains(entry.path().filename().string(), ".params.json"))
      paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::filesystem::path& path : paths) {
    ++counts.files;
    int index = 0, instructions = 0;
    for (const std::string& bytes : Modules(Read(path))) {
      const auto module = ReadModule(bytes);
      ++index;
      if (module.ok()) {
        ++counts.modules;
        for (const auto& computation : module->proto->computations())
          instructions += computation.instructions_size();
        continue;
      }
      ++counts.refused;
      std::printf("REFUSED %s module %d: %s\n", path.c_str(), index,
                  std::string(module.status().message()).c_str());
    }
    std::printf("%7d instructions in %3d modules  %s\n", instructions, index,
                path.filename().c_str());
  }
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: read_folder DIR...\n"), 2;
  automap::Counts counts;
  for (int i = 1; i < argc; ++i) automap::ReadFolder(argv[i], counts);
  std::printf("%d files, %d modules read, %d refused\n", counts.files, counts.modules,
              counts.refused);
  return counts.refused == 0 ? 0 : 1;
}

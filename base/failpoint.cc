#include "base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace automap {
namespace {

struct Fault {
  std::string action;
  int at = 1;
  std::atomic<int> passed = 0;
};

using Faults = std::map<std::string, Fault, std::less<>>;

Faults* ParseFaults() {
  const char* text = std::getenv("AUTOMAP_FAILPOINTS");
  if (text == nullptr || *text == 0) return nullptr;
  auto* faults = new Faults;  // lives as long as the process
  for (absl::string_view item : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> fault = absl::StrSplit(item, absl::MaxSplits('=', 1));
    const std::pair<std::string, std::string> action =
        absl::StrSplit(fault.second, absl::MaxSplits('@', 1));
    Fault& entry = (*faults)[fault.first];
    entry.action = action.first;
    if (!action.second.empty() && !absl::SimpleAtoi(action.second, &entry.at)) entry.at = 1;
  }
  return faults;
}

}  // namespace

bool Failpoint(absl::string_view name) {
  static Faults* const faults = ParseFaults();
  if (faults == nullptr) return false;
  const auto fault = faults->find(std::string(name));
  if (fault == faults->end() || ++fault->second.passed != fault->second.at) return false;
  if (fault->second.action == "kill") kill(getpid(), SIGKILL);
  if (fault->second.action == "stop") kill(getpid(), SIGSTOP);
  return fault->second.action == "error";
}

absl::Status FailpointStatus(absl::string_view name) {
  return Failpoint(name) ? absl::UnavailableError(absl::StrCat(name, ": fails as told"))
                         : absl::OkStatus();
}

}  // namespace automap

#include "server/cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "fmt/format.h"

namespace automap {
namespace {

constexpr int kBarWidth = 24;

std::string Text(const v1::Progress& progress) {
  std::string text = absl::AsciiStrToLower(v1::Progress::Phase_Name(progress.phase()));
  if (progress.phase() != v1::Progress::SEARCHING) return text;
  text += fmt::format(" {} {}/{} decisions", progress.engine(), progress.decisions(),
                      progress.decisions_total());
  if (progress.best_cost_s() > 0) text += fmt::format(", best {:.4g} s", progress.best_cost_s());
  if (progress.has_gap()) text += fmt::format(", gap {:.2f} %", 100 * progress.gap());
  if (progress.decisions_per_second() > 0)
    text += fmt::format(", {:.0f}/s", progress.decisions_per_second());
  return text;
}

std::string Bar(const v1::Progress& progress) {
  const double share =
      progress.decisions_total() > 0
          ? std::min(1.0, static_cast<double>(progress.decisions()) / progress.decisions_total())
          : 0;
  const int filled = static_cast<int>(share * kBarWidth);
  return fmt::format("[{:#<{}}{:.<{}}]", "", filled, "", kBarWidth - filled);
}

}  // namespace

ProgressLine::ProgressLine() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (is_drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressLine::Show(const v1::Progress& progress) {
  if (is_terminal_) {
    std::fputs(fmt::format("\r\033[K{} {}", Bar(progress), Text(progress)).c_str(), stderr);
    std::fflush(stderr);
    is_drawn_ = true;
  } else if (progress.phase() != last_phase_ || progress.engine() != last_engine_) {
    std::fputs(fmt::format("{}\n", Text(progress)).c_str(), stderr);
  }
  last_phase_ = progress.phase();
  last_engine_ = progress.engine();
}

}  // namespace automap

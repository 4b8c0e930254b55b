// What the readers of the cluster message share: refusals with the field's path, and hints.
#pragma once

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace automap {

// INVALID_ARGUMENT `cluster.PATH: VALUE, must be EXPECTED`.
inline absl::Status RefuseField(absl::string_view path, absl::string_view value,
                                absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("cluster.", path, ": ", value, ", must be ", expected));
}

// OK when the value is finite and within (least, most].
inline absl::Status CheckAbove(absl::string_view path, double value, double least = 0,
                               double most = HUGE_VAL) {
  if (std::isfinite(value) && value > least && value <= most) return absl::OkStatus();
  return RefuseField(path, absl::StrCat(value),
                     std::isfinite(most) ? absl::StrCat("in (", least, ", ", most, "]")
                                         : absl::StrCat("> ", least));
}

inline std::string Quoted(absl::string_view name) { return absl::StrCat("\"", name, "\""); }

// Edits that turn one word into the other. O(|a| |b|).
int EditDistance(absl::string_view a, absl::string_view b);

// `; did you mean "NAME"?` with the closest candidate that at most two edits make `name` of, or
// nothing. Candidates are messages with a name().
template <typename... Candidates>
std::string HintFor(absl::string_view name, const Candidates&... candidates) {
  constexpr int kMostEdits = 2, kMostLetters = 64;
  std::string closest;
  int least = kMostEdits + 1;
  const auto consider_all = [&](const auto& messages) {
    if (name.size() > kMostLetters) return;
    for (const auto& message : messages) {
      if (message.name().size() > kMostLetters) continue;
      const int edits = EditDistance(name, message.name());
      if (edits < least) least = edits, closest = message.name();
    }
  };
  (consider_all(candidates), ...);
  return least > kMostEdits ? "" : absl::StrCat("; did you mean ", Quoted(closest), "?");
}

}  // namespace automap

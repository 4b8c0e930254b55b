// How requests and plans name the strategies; without code, so that whoever judges or prints a
// request needs no planner.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace automap {

// `auto` is all of the others; those have their rows in planner/strategies/catalog.cc.
inline constexpr absl::string_view kStrategyNames[] = {"auto", "adp", "opp", "pp", "hybrid"};

inline bool IsStrategyName(absl::string_view name) {
  for (const absl::string_view known : kStrategyNames) {
    if (known == name) return true;
  }
  return false;
}

// "auto, adp, opp, pp or hybrid".
inline std::string StrategyNamesInWords() {
  std::string words;
  size_t left = std::size(kStrategyNames);
  for (const absl::string_view name : kStrategyNames)
    absl::StrAppend(&words, name, --left > 1 ? ", " : left == 1 ? " or " : "");
  return words;
}

}  // namespace automap

// Why something was refused, as a word for programs that travels with a status.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace automap {

inline constexpr absl::string_view kReasonUrl = "automap.dev/reason";

// `reason`: UPPER_SNAKE_CASE, stable; docs/api.md lists them.
inline absl::Status WithReason(absl::Status status, absl::string_view reason) {
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

// Empty when none was given.
inline std::string ReasonOrEmpty(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace automap

// Semantics in messages and in words.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/plan.pb.h"
#include "planner/propagation/semantics.h"

namespace automap {

Semantics SemanticsOf(const v1::Plan::Semantics& message);
// Sets the fields that Semantics has; the others stay.
void SetSemantics(const Semantics& semantics, v1::Plan::Semantics& message);

// What a preset allows: the paper's rule and nothing else, or what was measured to make plans better
// (docs/propagation.md).
Semantics PresetSemantics(bool is_paper);

// `preset` with exactly those options beyond strict that `allow` names: "composite-splits",
// "padding", "deferred-sums", "reshards", or "strict" for none; `preset` itself when it names
// nothing. INVALID_ARGUMENT with `options.allow[i]` for other words.
absl::StatusOr<Semantics> AllowedSemantics(
    const google::protobuf::RepeatedPtrField<std::string>& allow, const Semantics& preset);

}  // namespace automap

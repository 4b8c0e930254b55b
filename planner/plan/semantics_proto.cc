#include "planner/plan/semantics_proto.h"

#include "absl/strings/str_cat.h"

namespace automap {

Semantics SemanticsOf(const v1::Plan::Semantics& message) {
  Semantics semantics;
  semantics.paper_rule = message.paper_rule();
  semantics.composite_splits = message.composite_splits();
  semantics.padding = message.padding();
  semantics.deferred_sums = message.deferred_sums();
  semantics.reshards = message.reshards();
  return semantics;
}

void SetSemantics(const Semantics& semantics, v1::Plan::Semantics& message) {
  message.set_paper_rule(semantics.paper_rule);
  message.set_composite_splits(semantics.composite_splits);
  message.set_padding(semantics.padding);
  message.set_deferred_sums(semantics.deferred_sums);
  message.set_reshards(semantics.reshards);
}

Semantics PresetSemantics(bool is_paper) {
  Semantics semantics;
  semantics.paper_rule = is_paper;
  semantics.deferred_sums = semantics.reshards = !is_paper;
  return semantics;
}

absl::StatusOr<Semantics> AllowedSemantics(
    const google::protobuf::RepeatedPtrField<std::string>& allow, const Semantics& preset) {
  if (allow.empty()) return preset;
  Semantics semantics;
  semantics.paper_rule = preset.paper_rule;
  for (int i = 0; i < allow.size(); ++i) {
    if (allow[i] == "composite-splits") {
      semantics.composite_splits = true;
    } else if (allow[i] == "padding") {
      semantics.padding = true;
    } else if (allow[i] == "deferred-sums") {
      semantics.deferred_sums = true;
    } else if (allow[i] == "reshards") {
      semantics.reshards = true;
    } else if (allow[i] != "strict" || allow.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          "options.allow[", i, "]: \"", allow[i],
          "\", must be composite-splits, padding, deferred-sums or reshards, or strict "
          "alone"));
    }
  }
  return semantics;
}

}  // namespace automap

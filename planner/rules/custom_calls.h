// Rules of custom calls, by their target.
#pragma once

#include "absl/strings/string_view.h"
#include "planner/rules/factor_rule.h"

namespace automap {

// Whether the target has a row. Others are opaque: everything that they touch stays whole.
bool IsKnownTarget(absl::string_view target);

FactorRule CustomCallRule(FactorRuleBuilder rule);

}  // namespace automap

#include "server/api/plan_key.h"

#include "absl/strings/str_cat.h"
#include "base/canonical_bytes.h"
#include "base/sha256.h"
#include "base/version.h"

namespace automap {

std::string PlanKey(const v1::PlanSpec& spec, const std::string& module_digest) {
  v1::PlanSpec key = spec;
  key.clear_module();
  v1::PlanOptions& options = *key.mutable_options();
  if (options.strategy().empty()) options.set_strategy("auto");
  if (options.preset().empty()) options.set_preset("default");
  return Sha256Hex(absl::StrCat(kPlannerVersion, "\n", module_digest, "\n", CanonicalBytes(key)));
}

}  // namespace automap

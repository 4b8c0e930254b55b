#include "planner/plan/parameter_name.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace automap {

absl::StatusOr<int32_t> FindParameter(const PreparedModule& module, const std::string& name) {
  int32_t number = -1;
  const bool by_number = !name.empty() && name[0] == '#';
  if (by_number && !absl::SimpleAtoi(name.substr(1), &number)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": # must be followed by a parameter number"));
  }
  const auto& parameters = module.graph().parameters();
  for (size_t p = 0; p < parameters.size(); ++p) {
    const bool is_it = by_number ? parameters[p].number == number : module.roles().names[p] == name;
    if (is_it) return static_cast<int32_t>(p);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": no such parameter; see `automap inspect` for the names"));
}

}  // namespace automap

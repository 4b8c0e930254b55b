// Questions about a module that need no search, answered as JSON documents (interface: `automap
// inspect`, `groups`, `propagate`). Built without Torch.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "automap/v1/plan.pb.h"
#include "nlohmann/json.hpp"

namespace automap {

using Json = nlohmann::ordered_json;
using GivenRoleList = google::protobuf::RepeatedPtrField<v1::ParameterRole>;

// Computations, opcodes, FLOPs, bytes, and every entry parameter with its role and the reason for
// it.
absl::StatusOr<Json> InspectModule(absl::string_view module, const GivenRoleList& roles);

struct AxisQuestion {
  int64_t axis_size = 2;
  bool paper_rule = false;
  // Beyond strict: "composite-splits", "padding", "deferred-sums", "reshards".
  std::vector<std::string> allow = {};
};

// Linkage groups of the variables, largest first, and the infeasible dims with class and reason.
// INVALID_ARGUMENT for words in `allow` that are not known.
absl::StatusOr<Json> ProposeGroups(absl::string_view module, const GivenRoleList& roles,
                                   const AxisQuestion& question);

// What follows when `sets` ("NAME:DIM", NAME a parameter's name or #N) are split: verdict, split
// parameters, all-reduces, or the conflict with the chains that explain it. INVALID_ARGUMENT for a
// name or dim that is not there.
absl::StatusOr<Json> PropagateSplits(absl::string_view module, const GivenRoleList& roles,
                                     const AxisQuestion& question,
                                     const std::vector<std::string>& sets);

}  // namespace automap

// absl::Status as google.rpc.Status and back.
#pragma once

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace automap {

google::rpc::Status ToProto(const absl::Status& status);
absl::Status FromProto(const google::rpc::Status& status);

}  // namespace automap

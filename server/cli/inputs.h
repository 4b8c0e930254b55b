// Reads what the user names on the command line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "automap/v1/cluster.pb.h"
#include "automap/v1/plan.pb.h"

namespace CLI {
class App;
}

namespace automap {

// The bytes of a file; "-" is stdin. INVALID_ARGUMENT when it cannot be read or has more than 256
// MiB.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// A preset's name, or the path of a JSON file of the Cluster message.
absl::StatusOr<v1::Cluster> ReadCluster(const std::string& name_or_path);

// A roles file: {"parameters": [{"index": 3, "role": "variable", "name": "...", "updatedBy": 7}]}.
// Keys that are not known are ignored. An empty path gives no roles.
absl::StatusOr<google::protobuf::RepeatedPtrField<v1::ParameterRole>> ReadRoles(
    const std::string& path);

// A profile: {"entries": [{"match": "layer:encoder/block/3", "forwardS": 1.2e-3,
// "backwardS": 2.5e-3}]}. An empty path gives no entries.
absl::StatusOr<google::protobuf::RepeatedPtrField<v1::ProfileEntry>> ReadProfile(
    const std::string& path);

// A plan as JSON or as binary message, told apart by content.
absl::StatusOr<v1::Plan> ReadPlan(const std::string& path);

// Adds --allow, the propagation beyond strict.
void AddAllowOption(CLI::App& command, std::vector<std::string>& allow);

// The plan as the interface's JSON, one line per field.
std::string PlanJson(const v1::Plan& plan);

}  // namespace automap

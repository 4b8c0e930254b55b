// Device types and links of the public message, with what is left out filled from presets.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "automap/v1/cluster.pb.h"
#include "simulator/cluster/cluster.h"

namespace automap {

// INVALID_ARGUMENT with `path` and the field.
absl::StatusOr<DeviceType> DeviceTypeFromProto(const v1::Cluster::DeviceType& given,
                                               const std::string& path);
absl::StatusOr<Link> LinkFromProto(const v1::Cluster::Link& given, const std::string& path);

// Lower-case names, by NumberType and by ComputeKind.
inline constexpr const char* kNumberTypeNames[kNumberTypes] = {"f32", "f16", "bf16",
                                                               "f64", "s8",  "f8"};
inline constexpr const char* kComputeKindNames[kComputeKinds] = {"matmul", "convolution", "memory"};

}  // namespace automap

#include "simulator/cluster/device_type_proto.h"

#include <algorithm>

#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "simulator/cluster/fields.h"
#include "simulator/cluster/presets.h"

namespace automap {
namespace {

constexpr double kMostEfficiency = 4;
constexpr int kMostMultiprocessors = 65536;

// Of a device that nobody measured. 32 and 64 bits, fewer.
constexpr double kDefaultEfficiency[kComputeKinds][2] = {{0.70, 0.65}, {1.0, 0.60}, {0.80, 0.80}};

bool IsWide(int number_type) {
  return number_type == static_cast<int>(NumberType::kF32) ||
         number_type == static_cast<int>(NumberType::kF64);
}

int IndexOf(absl::string_view name, absl::Span<const char* const> names) {
  return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

absl::Status ReadEfficiency(const google::protobuf::Map<std::string, double>& given,
                            const std::string& path, EfficiencyTable& table) {
  for (int kind = 0; kind < kComputeKinds; ++kind) {
    for (int type = 0; type < kNumberTypes; ++type)
      table[kind][type] = kDefaultEfficiency[kind][IsWide(type) ? 0 : 1];
  }
  for (const bool is_specific : {false, true}) {
    for (const auto& [key, value] : given) {
      const std::vector<std::string> parts = absl::StrSplit(key, '.');
      if ((parts.size() > 1) != is_specific) continue;
      const std::string field = absl::StrCat(path, ".efficiency[", Quoted(key), "]");
      const int kind = IndexOf(parts[0], kComputeKindNames);
      const int type = is_specific ? IndexOf(parts[1], kNumberTypeNames) : 0;
      if (parts.size() > 2 || kind == kComputeKinds || type == kNumberTypes) {
        return RefuseField(field, Quoted(key),
                           "matmul, convolution or memory, or one of them with an element type "
                           "(matmul.bf16)");
      }
      RETURN_IF_ERROR(CheckAbove(field, value, 0, kMostEfficiency));
      if (is_specific) {
        table[kind][type] = value;
      } else {
        table[kind].fill(value);
      }
    }
  }
  return absl::OkStatus();
}

// The preset of that name, overlaid with what is given.
v1::Cluster::DeviceType Overlaid(const v1::Cluster::DeviceType& given) {
  v1::Cluster::DeviceType merged;
  if (const auto* known = KnownDeviceType(given.name())) merged = *known;
  if (!given.peak_flops_per_s().empty()) merged.clear_peak_flops_per_s();
  // One number for a kind replaces the preset's numbers for its element types.
  for (const auto& [key, value] : given.efficiency()) {
    for (const char* type : kNumberTypeNames)
      merged.mutable_efficiency()->erase(absl::StrCat(key, ".", type));
  }
  merged.MergeFrom(given);
  return merged;
}

}  // namespace

absl::StatusOr<DeviceType> DeviceTypeFromProto(const v1::Cluster::DeviceType& given,
                                               const std::string& path) {
  const v1::Cluster::DeviceType merged = Overlaid(given);
  RETURN_IF_ERROR(CheckAbove(path + ".memory_bytes", merged.memory_bytes()));
  RETURN_IF_ERROR(
      CheckAbove(path + ".memory_bandwidth_bytes_per_s", merged.memory_bandwidth_bytes_per_s()));
  if (!std::isfinite(merged.launch_s()) || merged.launch_s() < 0)
    return RefuseField(path + ".launch_s", absl::StrCat(merged.launch_s()), ">= 0");
  const auto& peaks = merged.peak_flops_per_s();
  const auto f32 = peaks.find("f32");
  if (f32 == peaks.end())
    return RefuseField(path + ".peak_flops_per_s", "no entry \"f32\"", "given at least for f32");
  DeviceType type;
  type.name = merged.name();
  type.memory = {static_cast<double>(merged.memory_bytes())};
  type.memory_bandwidth = {merged.memory_bandwidth_bytes_per_s()};
  type.launch = {merged.launch_s()};
  for (const auto& [name, peak] : peaks)
    RETURN_IF_ERROR(CheckAbove(absl::StrCat(path, ".peak_flops_per_s[", Quoted(name), "]"), peak));
  for (int i = 0; i < kNumberTypes; ++i) {
    const auto own = peaks.find(kNumberTypeNames[i]);
    type.peak[i] = {own != peaks.end() ? own->second : f32->second};
  }
  RETURN_IF_ERROR(ReadEfficiency(merged.efficiency(), path, type.efficiency));
  if (merged.multiprocessors() < 0 || merged.multiprocessors() > kMostMultiprocessors)
    return RefuseField(path + ".multiprocessors", absl::StrCat(merged.multiprocessors()),
                       absl::StrCat("0..", kMostMultiprocessors));
  type.multiprocessors = merged.multiprocessors();
  return type;
}

absl::StatusOr<Link> LinkFromProto(const v1::Cluster::Link& given, const std::string& path) {
  v1::Cluster::Link merged;
  if (const auto* known = KnownLink(given.name())) merged = *known;
  merged.MergeFrom(given);
  RETURN_IF_ERROR(CheckAbove(path + ".bandwidth_bytes_per_s", merged.bandwidth_bytes_per_s()));
  if (!std::isfinite(merged.latency_s()) || merged.latency_s() < 0)
    return RefuseField(path + ".latency_s", absl::StrCat(merged.latency_s()), ">= 0");
  const double efficiency = merged.has_efficiency() ? merged.efficiency() : 0.8;
  RETURN_IF_ERROR(CheckAbove(path + ".efficiency", efficiency, 0, 1));
  const double in_switch = merged.has_in_switch_efficiency() ? merged.in_switch_efficiency()
                                                             : Link().in_switch_efficiency;
  RETURN_IF_ERROR(CheckAbove(path + ".in_switch_efficiency", in_switch, 0, 1));
  return Link{
      {merged.bandwidth_bytes_per_s()}, {merged.latency_s()}, efficiency, merged.half_duplex(),
      merged.reduces_in_switch(),       merged.cube_mesh(),   in_switch};
}

}  // namespace automap

#include "planner/plan/profile.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "simulator/compute/roofline.h"

namespace automap {
namespace {

enum class MatchKind { kOpcode, kLayer, kInstruction };

struct Matcher {
  int index = 0;  // in the profile
  MatchKind kind = MatchKind::kInstruction;
  std::string name;
};

absl::Status Refuse(int index, absl::string_view field, absl::string_view value,
                    absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("profile[", index, "].", field, ": ", value, ", must be ", expected));
}

Matcher MatcherOf(const v1::ProfileEntry& entry, int index) {
  absl::string_view name = entry.match();
  if (absl::ConsumePrefix(&name, "opcode:")) return {index, MatchKind::kOpcode, std::string(name)};
  if (absl::ConsumePrefix(&name, "layer:")) return {index, MatchKind::kLayer, std::string(name)};
  return {index, MatchKind::kInstruction, std::string(name)};
}

// Whether the name's components stand next to each other in the path, "block/3" in "a/block/3/b".
bool IsUnder(absl::string_view path, absl::string_view name) {
  if (name.empty()) return false;
  for (size_t at = path.find(name); at != absl::string_view::npos; at = path.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool starts = at == 0 || path[at - 1] == '/' || path[at - 1] == '(';
    const bool ends = end == path.size() || path[end] == '/' || path[end] == ')';
    if (starts && ends) return true;
  }
  return false;
}

class Profiler {
 public:
  Profiler(const Lowering& lowering, const DeviceType& device)
      : lowering_(lowering),
        graph_(lowering.wiring().graph()),
        device_(device),
        scales_(graph_.node_count(), 1) {}

  absl::Status Apply(const Matcher& matcher, const v1::ProfileEntry& entry) {
    std::vector<NodeId> nodes[2];  // forward, backward
    double modelled[2] = {0, 0};
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      if (!lowering_.HasStep(node) || !Matches(matcher, node)) continue;
      const bool is_backward = absl::StrContains(graph_.EffectiveName(node), "transpose(");
      nodes[is_backward].push_back(node);
      modelled[is_backward] += TimeOf(node);
    }
    if (modelled[0] + modelled[1] <= 0) {
      return Refuse(matcher.index, "match", absl::StrCat("\"", entry.match(), "\""),
                    "a path (main/call.12/dot.5), layer:NAME or opcode:NAME of something that "
                    "takes time");
    }
    double measured[2] = {entry.forward_s(), entry.backward_s()};
    for (const int side : {0, 1}) {
      if (modelled[side] > 0) continue;
      measured[1 - side] += measured[side];
    }
    for (const int side : {0, 1}) {
      if (measured[side] <= 0) continue;
      for (const NodeId node : nodes[side]) scales_[node] = measured[side] / modelled[side];
    }
    return absl::OkStatus();
  }

  std::vector<double> Take() && { return std::move(scales_); }

 private:
  bool Matches(const Matcher& matcher, NodeId node) const {
    switch (matcher.kind) {
      case MatchKind::kOpcode:
        return OpcodeName(graph_.node(node).opcode) == matcher.name;
      case MatchKind::kLayer:
        return IsUnder(graph_.EffectiveName(node), matcher.name);
      case MatchKind::kInstruction:
        // Paths are long; the last component decides most cases.
        return absl::EndsWith(matcher.name, graph_.node(node).instruction->name()) &&
               (graph_.Path(node) == matcher.name ||
                graph_.node(node).instruction->name() == matcher.name);
    }
    return false;
  }

  double TimeOf(NodeId node) const {
    const ComputeStep step = lowering_.StepOf(node, {});
    return KernelTime(device_, step).value * static_cast<double>(step.repeats);
  }

  const Lowering& lowering_;
  const Graph& graph_;
  const DeviceType& device_;
  std::vector<double> scales_;
};

absl::Status CheckTimes(const v1::ProfileEntry& entry, int index) {
  const std::pair<const char*, double> times[] = {{"forward_s", entry.forward_s()},
                                                  {"backward_s", entry.backward_s()}};
  for (const auto& [field, time] : times) {
    if (!std::isfinite(time) || time < 0) return Refuse(index, field, absl::StrCat(time), ">= 0");
  }
  if (entry.forward_s() > 0 || entry.backward_s() > 0) return absl::OkStatus();
  return Refuse(index, "forward_s", "0, as is backward_s", "> 0 for one of them");
}

}  // namespace

absl::StatusOr<std::vector<double>> ProfileScales(
    const Lowering& lowering, const google::protobuf::RepeatedPtrField<v1::ProfileEntry>& profile,
    const DeviceType& device) {
  std::vector<Matcher> matchers;
  for (int i = 0; i < profile.size(); ++i) {
    RETURN_IF_ERROR(CheckTimes(profile[i], i));
    matchers.push_back(MatcherOf(profile[i], i));
  }
  std::stable_sort(matchers.begin(), matchers.end(), [](const Matcher& a, const Matcher& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.name.size() < b.name.size();
  });
  Profiler profiler(lowering, device);
  for (const Matcher& matcher : matchers)
    RETURN_IF_ERROR(profiler.Apply(matcher, profile[matcher.index]));
  return std::move(profiler).Take();
}

}  // namespace automap

#include "planner/graph/graph.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace automap {

const xla::HloInstructionProto* Graph::OutermostCaller(
    NodeId id, std::initializer_list<absl::string_view> opcodes) const {
  const xla::HloInstructionProto* outermost = nullptr;
  for (CallSiteId site = node(id).call_site; site > 0; site = call_site(site).parent) {
    const auto* caller = call_site(site).caller;
    if (std::find(opcodes.begin(), opcodes.end(), caller->opcode()) != opcodes.end())
      outermost = caller;
  }
  return outermost;
}

std::string Graph::Path(NodeId id) const {
  std::string path = nodes_[id].instruction->name();
  for (CallSiteId site = nodes_[id].call_site; site > 0; site = call_sites_[site].parent) {
    path = absl::StrCat(call_sites_[site].caller->name(), "/", path);
  }
  return absl::StrCat("main/", path);
}

std::string Graph::EffectiveName(NodeId id) const {
  std::string name = nodes_[id].instruction->metadata().op_name();
  for (CallSiteId site = nodes_[id].call_site; site > 0; site = call_sites_[site].parent) {
    const std::string& outer = call_sites_[site].caller->metadata().op_name();
    // Older producers repeat the caller's name inside the callee, newer ones write relative names.
    if (!outer.empty() && name.rfind("jit(", 0) != 0) name = absl::StrCat(outer, "/", name);
  }
  return name;
}

const xla::ShapeProto* Graph::bitcast_source(NodeId id) const {
  const auto found =
      std::lower_bound(bitcast_sources_.begin(), bitcast_sources_.end(), id,
                       [](const auto& entry, NodeId key) { return entry.first < key; });
  return found->second;
}

}  // namespace automap

#include "planner/explore/pipeline/layer_chain.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/step_costs.h"

namespace automap {

bool LayerChain::HasVariables() const {
  return std::any_of(layers.begin(), layers.end(),
                     [](const Layer& layer) { return layer.variable_count > 0; });
}

std::string LayerName(const std::string& operation_name) {
  std::vector<std::string> kept;
  std::string wrapped;  // the differentiated function, often the model's class
  const std::vector<std::string> parts = absl::StrSplit(operation_name, '/');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    absl::string_view part = parts[i];
    if (absl::StartsWith(part, "jit(") || absl::StartsWith(part, "pjit")) continue;
    bool is_wrapped = false;
    for (const absl::string_view wrapper : {"transpose(", "jvp(", "vmap("}) {
      while (absl::ConsumePrefix(&part, wrapper)) {
        absl::ConsumeSuffix(&part, ")");
        is_wrapped = true;
      }
    }
    if (is_wrapped) {
      wrapped = std::string(part);
      continue;
    }
    kept.emplace_back(part);
    if (!part.empty() && std::all_of(part.begin(), part.end(), absl::ascii_isdigit)) break;
  }
  return kept.empty() ? wrapped : absl::StrJoin(kept, "/");
}

absl::StatusOr<LayerChain> ChainOfModule(const PreparedModule& module, const Cluster& cluster,
                                         const ChainOptions& options) {
  ASSIGN_OR_RETURN(const auto costs,
                   StepCosts::Create(module, cluster, options.micro_batches, options.max_layers));
  if (options.model == nullptr) return costs->Chain();
  ASSIGN_OR_RETURN(const AppliedAxis splits, costs->Apply(*options.model, options.semantics));
  return costs->Chain(splits.propagation.get());
}

}  // namespace automap

#include "planner/explore/pipeline/stage_places.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "planner/explore/pipeline/batch.h"
#include "planner/explore/pipeline/phases.h"
#include "planner/explore/pipeline/updates.h"

namespace automap {
namespace {

// The last slot of every stage but the last one. The operations of a loop's carried arrays share
// its path; the cut is after the last of them.
absl::StatusOr<std::vector<int32_t>> LastSlots(const Graph& graph, const StepPhases& phases,
                                               const v1::Plan& plan) {
  std::map<std::string, int32_t> slot_at;
  for (size_t slot = 0; slot < phases.slots.size(); ++slot)
    slot_at[graph.Path(phases.slots[slot])] = static_cast<int32_t>(slot);
  std::vector<int32_t> last;
  for (int s = 0; s + 1 < plan.stages_size(); ++s) {
    const std::string& cut = plan.stages(s).cut_after();
    const auto found = slot_at.find(cut);
    if (found == slot_at.end() || (s > 0 && found->second <= last.back())) {
      return absl::FailedPreconditionError(
          absl::StrCat("stages[", s, "].cut_after: \"", cut, "\", must be an operation of the ",
                       "forward pass", s > 0 ? " after the cut before" : ""));
    }
    last.push_back(found->second);
  }
  return last;
}

}  // namespace

absl::StatusOr<std::vector<StagePlace>> StagePlaces(const PreparedModule& module,
                                                    const v1::Plan& plan) {
  if (plan.stages().empty())
    return absl::FailedPreconditionError("stages: none, must be a plan of strategy pp");
  const Graph& graph = module.graph();
  ASSIGN_OR_RETURN(const StepPhases phases, FindPhases(graph, module.roles()));
  ASSIGN_OR_RETURN(const std::vector<int32_t> last, LastSlots(graph, phases, plan));
  const Batch batch = FindBatch(module, std::max<int64_t>(2, plan.micro_batches()));
  const std::vector<bool> is_update = FindUpdates(module, phases, batch);
  std::vector<StagePlace> places(graph.node_count());
  for (NodeId node = 0; node < graph.node_count(); ++node) {
    places[node].phase = phases.is_forward[node] ? StepPhase::kForward
                         : is_update[node]       ? StepPhase::kUpdate
                                                 : StepPhase::kBackward;
    places[node].stage = static_cast<int32_t>(
        std::lower_bound(last.begin(), last.end(), phases.slot_of[node]) - last.begin());
  }
  return places;
}

}  // namespace automap

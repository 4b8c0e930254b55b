#include "planner/hlo/module_index.h"

#include <algorithm>

namespace automap {

int32_t ModuleIndex::Find(int64_t id) const {
  const auto found = std::lower_bound(by_id.begin(), by_id.end(), std::make_pair(id, int32_t{0}));
  return found != by_id.end() && found->first == id ? found->second : -1;
}

const ComputationIndex* ModuleIndex::Callee(const xla::HloInstructionProto& instruction,
                                            int k) const {
  if (k >= instruction.called_computation_ids_size()) return nullptr;
  const int32_t place = Find(instruction.called_computation_ids(k));
  return place < 0 ? nullptr : &computations[place];
}

}  // namespace automap

#include "planner/exporters/annotate.h"

#include <algorithm>
#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;

// Ids that nobody has. Some writers keep the computation in the upper half of an instruction's id.
class NewIds {
 public:
  explicit NewIds(const xla::HloModuleProto& module) {
    for (const auto& computation : module.computations()) {
      for (const Instruction& instruction : computation.instructions()) {
        int64_t& last = last_[instruction.id() >> 32];
        last = std::max(last, instruction.id());
      }
    }
  }

  int64_t Next(int64_t like) { return ++last_[like >> 32]; }

 private:
  std::map<int64_t, int64_t> last_;  // by the upper half
};

// Rewrites one computation.
class Annotator {
 public:
  Annotator(const Annotations& annotations, NewIds& ids, int place)
      : annotations_(annotations), ids_(ids), place_(place) {}

  void Run(xla::HloComputationProto& computation) {
    for (int i = 0; i < computation.instructions_size(); ++i) {
      Instruction& instruction = *computation.mutable_instructions(i);
      TakeOperands(instruction, i);
      const auto value = annotations_.values.find({place_, i});
      written_.push_back(std::move(instruction));
      shapes_[written_.back().id()] = &written_.back().shape();
      if (value == annotations_.values.end()) continue;
      const int64_t id = written_.back().id();
      renamed_[id] = Add(id, value->second);
    }
    const auto root = renamed_.find(computation.root_id());
    if (root != renamed_.end()) computation.set_root_id(root->second);
    computation.clear_instructions();
    for (Instruction& instruction : written_) {
      *computation.add_instructions() = std::move(instruction);
    }
  }

 private:
  void TakeOperands(Instruction& instruction, int i) {
    for (int operand = 0; operand < instruction.operand_ids_size(); ++operand) {
      const auto renamed = renamed_.find(instruction.operand_ids(operand));
      if (renamed != renamed_.end()) instruction.set_operand_ids(operand, renamed->second);
      const auto read = annotations_.reads.find({place_, i, operand});
      if (read == annotations_.reads.end()) continue;
      instruction.set_operand_ids(operand, Add(instruction.operand_ids(operand), read->second));
    }
  }

  int64_t Add(int64_t operand, const xla::OpSharding& sharding) {
    Instruction annotation;
    annotation.set_id(ids_.Next(operand));
    annotation.set_name(absl::StrCat("sharding.", place_, ".", annotation.id() & 0xffffffff));
    annotation.set_opcode("custom-call");
    annotation.set_custom_call_target("Sharding");
    annotation.add_operand_ids(operand);
    *annotation.mutable_shape() = *shapes_.at(operand);
    *annotation.mutable_sharding() = sharding;
    written_.push_back(std::move(annotation));
    shapes_[written_.back().id()] = &written_.back().shape();
    return written_.back().id();
  }

  const Annotations& annotations_;
  NewIds& ids_;
  const int place_;
  std::deque<Instruction> written_;  // stays where it is as it grows
  std::map<int64_t, const xla::ShapeProto*> shapes_;
  std::map<int64_t, int64_t> renamed_;
};

}  // namespace

void Annotate(const Annotations& annotations, xla::HloModuleProto& module) {
  NewIds ids(module);
  for (int place = 0; place < module.computations_size(); ++place) {
    Annotator(annotations, ids, place).Run(*module.mutable_computations(place));
  }
}

}  // namespace automap

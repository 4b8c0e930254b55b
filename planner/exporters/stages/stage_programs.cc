#include "planner/exporters/stages/stage_programs.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace automap {
namespace {

// When an instruction runs; programs are in this order.
struct Turn {
  StepPhase phase = StepPhase::kForward;
  int32_t round = 0;
  int32_t place = 0;  // its stage; in the backward pass, which goes down, its negative
  auto operator<=>(const Turn&) const = default;

  void SetStage(int32_t stage) { place = phase == StepPhase::kBackward ? -stage : stage; }
  int32_t stage() const { return std::abs(place); }
};

bool IsRandom(Opcode opcode) {
  switch (opcode) {
    case Opcode::kRng:
    case Opcode::kRngGetAndUpdateState:
    case Opcode::kInfeed:
    case Opcode::kRecv:
    case Opcode::kRecvDone:
    case Opcode::kCustomCall:
      return true;
    default:
      return false;
  }
}

class Divider {
 public:
  Divider(const Graph& graph, const EntryValues& values, const std::vector<StagePlace>& places)
      : graph_(graph),
        entry_(graph.module().index.computations[graph.module().index.entry]),
        values_(values),
        places_(places),
        nodes_(entry_.size()),
        runs_(entry_.size(), false),
        is_copied_(entry_.size(), false),
        turn_(entry_.size()) {}

  std::vector<StageProgram> Run() {
    FindNodes();
    for (int32_t i = 0; i < entry_.size(); ++i) FindTurn(i);
    DelayUpdates();
    for (int32_t i = 0; i < entry_.size(); ++i) {
      if (runs_[i] && !is_copied_[i]) members_[turn_[i]].insert(i);
    }
    CopyFree();
    FindTraffic();
    return Programs();
  }

 private:
  // The nodes behind each instruction of the entry (names of arrays have none), and which
  // instructions run: those that the step's results need, and what they read, as a loop may carry
  // arrays that it does not need.
  void FindNodes() {
    absl::flat_hash_map<const xla::HloInstructionProto*, int32_t> number;
    for (int32_t i = 0; i < entry_.size(); ++i) number[&entry_.instruction(i)] = i;
    for (NodeId node = 0; node < graph_.node_count(); ++node) {
      const xla::HloInstructionProto* instruction = graph_.node(node).instruction;
      for (CallSiteId site = graph_.node(node).call_site; site > 0;
           site = graph_.call_site(site).parent)
        instruction = graph_.call_site(site).caller;
      nodes_[number.at(instruction)].push_back(node);
      if (graph_.node(node).is_live) runs_[number.at(instruction)] = true;
    }
    for (int32_t i = entry_.size() - 1; i >= 0; --i) {
      if (runs_[i]) ForEachRead(i, [&](TensorId t) { runs_[Maker(t)] = !IsParameter(t); });
    }
  }

  // Calls visit(tensor) for the arrays that an instruction reads.
  template <typename Visit>
  void ForEachRead(int32_t i, const Visit& visit) const {
    for (const int32_t operand : entry_.operands_of(i)) {
      for (const TensorId tensor : values_.leaves[operand]) visit(tensor);
    }
  }
  int32_t Maker(TensorId tensor) const { return values_.definition[tensor].instruction; }
  bool IsParameter(TensorId tensor) const {
    return entry_.opcodes[Maker(tensor)] == Opcode::kParameter;
  }

  void FindTurn(int32_t i) {
    if (!runs_[i]) return;
    is_copied_[i] = std::none_of(nodes_[i].begin(), nodes_[i].end(),
                                 [&](NodeId node) { return IsRandom(graph_.node(node).opcode); });
    Turn turn = WantedTurn(i);
    ForEachRead(i, [&](TensorId tensor) {
      const int32_t maker = Maker(tensor);
      is_copied_[i] = is_copied_[i] && !IsParameter(tensor) && is_copied_[maker];
      if (!IsParameter(tensor) && !is_copied_[maker]) WaitFor(turn_[maker], turn);
    });
    turn_[i] = turn;
  }

  // A loop with any part of the forward pass in it belongs there, and goes to the stage that most
  // of its operations go to.
  Turn WantedTurn(int32_t i) const {
    Turn turn = {StepPhase::kUpdate, 0, 0};
    for (const NodeId node : nodes_[i]) turn.phase = std::min(turn.phase, places_[node].phase);
    std::map<int32_t, int64_t> count;
    for (const NodeId node : nodes_[i]) {
      if (places_[node].phase == turn.phase) ++count[places_[node].stage];
    }
    const auto most =
        std::max_element(count.begin(), count.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    turn.SetStage(most->first);
    return turn;
  }

  static void WaitFor(const Turn& other, Turn& turn) {
    if (turn >= other) return;
    const int32_t stage = turn.stage();
    turn.phase = other.phase;
    turn.SetStage(stage);
    turn.round = other.round + (turn.place < other.place ? 1 : 0);
  }

  // A part of an update that only a later one of the same stage reads waits for that: so the
  // program that makes a new value also reads the one that it replaces.
  void DelayUpdates() {
    std::vector<std::set<Turn>> readers(entry_.size());
    for (const Leaf& output : graph_.outputs()) {
      const int32_t maker = Maker(output.tensor);
      readers[maker].insert(turn_[maker]);
    }
    for (int32_t i = entry_.size() - 1; i >= 0; --i) {
      if (!runs_[i]) continue;
      const bool waits = turn_[i].phase == StepPhase::kUpdate && !readers[i].empty() &&
                         std::all_of(readers[i].begin(), readers[i].end(), [&](const Turn& turn) {
                           return turn.stage() == turn_[i].stage();
                         });
      if (waits) turn_[i] = *readers[i].begin();
      ForEachRead(i, [&](TensorId tensor) { readers[Maker(tensor)].insert(turn_[i]); });
    }
  }

  // Instructions of members_ are complete with what they need of the copied ones.
  void CopyFree() {
    for (const Leaf& output : graph_.outputs()) {
      const int32_t maker = Maker(output.tensor);
      if (is_copied_[maker]) members_.begin()->second.insert(maker);
    }
    for (auto& [turn, instructions] : members_) {
      std::vector<int32_t> todo(instructions.begin(), instructions.end());
      while (!todo.empty()) {
        const int32_t i = todo.back();
        todo.pop_back();
        ForEachRead(i, [&](TensorId tensor) {
          if (is_copied_[Maker(tensor)] && instructions.insert(Maker(tensor)).second)
            todo.push_back(Maker(tensor));
        });
      }
    }
  }

  void FindTraffic() {
    std::set<TensorId> wanted;
    for (const Leaf& output : graph_.outputs()) wanted.insert(output.tensor);
    for (const auto& [turn, instructions] : members_) {
      for (const int32_t i : instructions) {
        ForEachRead(i, [&, turn = turn](TensorId tensor) {
          if (is_copied_[Maker(tensor)]) return;
          if (!IsParameter(tensor) && turn_[Maker(tensor)] == turn) return;
          imports_[turn].insert({!IsParameter(tensor), tensor});
          wanted.insert(tensor);
        });
      }
    }
    for (const TensorId tensor : wanted) {
      if (IsParameter(tensor)) continue;
      const int32_t maker = Maker(tensor);
      results_[is_copied_[maker] ? members_.begin()->first : turn_[maker]].push_back(tensor);
    }
  }

  std::vector<StageProgram> Programs() {
    std::vector<StageProgram> programs;
    for (const auto& [turn, instructions] : members_) {
      StageProgram& program = programs.emplace_back();
      program.phase = turn.phase;
      program.stage = turn.stage();
      program.round = turn.round;
      program.instructions.assign(instructions.begin(), instructions.end());
      for (const auto& [is_made, tensor] : imports_[turn]) program.imports.push_back(tensor);
      program.results = results_[turn];
    }
    return programs;
  }

  const Graph& graph_;
  const ComputationIndex& entry_;
  const EntryValues& values_;
  const std::vector<StagePlace>& places_;
  std::vector<std::vector<NodeId>> nodes_;  // by instruction
  std::vector<bool> runs_, is_copied_;
  std::vector<Turn> turn_;
  std::map<Turn, std::set<int32_t>> members_;
  std::map<Turn, std::set<std::pair<bool, TensorId>>> imports_;
  std::map<Turn, std::vector<TensorId>> results_;
};

}  // namespace

std::vector<StageProgram> StagePrograms(const Graph& graph, const EntryValues& values,
                                        const std::vector<StagePlace>& places) {
  return Divider(graph, values, places).Run();
}

}  // namespace automap

// Random modules for property tests: valid HLO text over every opcode.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "planner/hlo/opcode.h"

namespace automap {

// An array of the module under construction.
struct RandomValue {
  std::string type, name;
  std::vector<int64_t> dims;
};

// Writes the entry computation of a random module line by line. Each Add... draws an operation's
// shapes and attributes; operands are earlier values of the shape where there are any, else new
// parameters or constants. Sizes are small, most of them even.
class RandomModule {
 public:
  explicit RandomModule(uint64_t seed) : random_(seed) {}

  // Adds an operation of that opcode, and whatever it needs. False: the opcode has no writer.
  bool Add(Opcode opcode);
  // Of a random opcode, the common ones more often.
  void AddAny();
  // The module so far; the last `results` values and some earlier ones are its result.
  std::string Text(int results = 3);

  // For the writers of the families.
  using Dims = std::vector<int64_t>;
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  int64_t Size();
  Dims Shape(int min_rank, int max_rank);
  std::vector<int64_t> Permutation(int64_t n);
  // A value of that shape: an earlier one, a new parameter, or one that depends on no parameter.
  RandomValue Operand(const std::string& type, const Dims& dims);
  // Any value of that type and at least that rank.
  RandomValue AnyOperand(const std::string& type, int min_rank);
  RandomValue Constant(const std::string& type, const std::string& value);
  RandomValue Emit(const std::string& type, const Dims& dims, const std::string& operation,
                   const std::string& layout = "");
  // A tuple-shaped operation, and its elements that are arrays.
  void EmitTuple(const std::vector<RandomValue>& elements, const std::string& operation);
  // An operation of any shape, which nothing picks as an operand; returns its name.
  std::string Raw(const std::string& shape, const std::string& operation);
  void AddComputation(const std::string& text) { computations_ += text; }
  std::string NewName(const std::string& prefix);

 private:
  std::mt19937_64 random_;
  int next_ = 0, parameters_ = 0;
  std::string computations_, body_;
  std::vector<RandomValue> values_;
};

// "f32[2,3]".
std::string ShapeText(const std::string& type, const std::vector<int64_t>& dims);
// "{0,2}".
std::string Braced(const std::vector<int64_t>& list);

// By family; false if the opcode is none of theirs.
bool AddElementwise(RandomModule& module, Opcode opcode);
bool AddDataMovement(RandomModule& module, Opcode opcode);
bool AddReduction(RandomModule& module, Opcode opcode);
bool AddContraction(RandomModule& module, Opcode opcode);
bool AddIndexed(RandomModule& module, Opcode opcode);
bool AddStructure(RandomModule& module, Opcode opcode);
bool AddTransfer(RandomModule& module, Opcode opcode);

}  // namespace automap

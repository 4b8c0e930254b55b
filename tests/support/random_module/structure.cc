#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using Dims = RandomModule::Dims;

// A computation of two arrays of that shape that gives one of it.
std::string Callee(RandomModule& module, const Dims& dims) {
  const std::string name = module.NewName("callee"), shape = ShapeText("f32", dims);
  std::vector<int64_t> reversed(dims.rbegin(), dims.rend());
  std::vector<int64_t> order;
  for (size_t d = dims.size(); d-- > 0;) order.push_back(static_cast<int64_t>(d));
  std::string body =
      absl::StrCat(name, " {\n  a = ", shape, " parameter(0)\n  b = ", shape, " parameter(1)\n");
  switch (module.Below(3)) {
    case 0:
      absl::StrAppend(&body, "  c = ", shape, " tanh(b)\n  ROOT d = ", shape, " multiply(a, c)\n");
      break;
    case 1:
      absl::StrAppend(&body, "  c = ", ShapeText("f32", reversed),
                      " transpose(a), dimensions=", Braced(order), "\n  d = ", shape,
                      " transpose(c), dimensions=", Braced(order), "\n  ROOT e = ", shape,
                      " add(d, b)\n");
      break;
    default:
      absl::StrAppend(&body, "  ROOT c = ", shape, " negate(b)\n");
  }
  module.AddComputation(body + "}\n");
  return name;
}

void AddCall(RandomModule& module, const char* name, const char* attribute) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const std::string callee = Callee(module, x.dims);
  module.Emit("f32", x.dims,
              absl::StrCat(name, "(", x.name, ", ", module.Operand("f32", x.dims).name, "), ",
                           attribute, callee));
}

// Two arrays go round three times with a counter; the body may exchange them, or leave one alone.
void AddWhile(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const RandomValue y = module.Operand("f32", x.dims);
  const std::string shape = ShapeText("f32", x.dims);
  const std::string tuple = absl::StrCat("(s32[], ", shape, ", ", shape, ")");
  const std::string callee = Callee(module, x.dims);
  const std::string body = module.NewName("body"), condition = module.NewName("condition");
  const std::string carried = absl::StrCat(
      " {\n  t = ", tuple, " parameter(0)\n  i = s32[] get-tuple-element(t), index=0\n");
  const char* results[] = {"j, z, y", "j, y, z", "j, z, x", "j, x, z"};
  module.AddComputation(absl::StrCat(
      body, carried, "  one = s32[] constant(1)\n  j = s32[] add(i, one)\n  x = ", shape,
      " get-tuple-element(t), index=1\n  y = ", shape,
      " get-tuple-element(t), index=2\n  z = ", shape, " call(x, y), to_apply=", callee,
      "\n  ROOT u = ", tuple, " tuple(", results[module.Below(4)], ")\n}\n"));
  module.AddComputation(absl::StrCat(condition, carried,
                                     "  n = s32[] constant(3)\n  ROOT c = pred[] compare(i, n), "
                                     "direction=LT\n}\n"));
  const std::string start = module.Constant("s32", "0").name;
  const std::string initial =
      module.Raw(tuple, absl::StrCat("tuple(", start, ", ", x.name, ", ", y.name, ")"));
  module.EmitTuple({{"s32", "", {}}, {"f32", "", x.dims}, {"f32", "", x.dims}},
                   absl::StrCat("while(", initial, "), condition=", condition, ", body=", body));
}

void AddConditional(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const std::string shape = ShapeText("f32", x.dims);
  const bool is_predicate = module.Chance(50);
  const int branches = is_predicate ? 2 : 1 + static_cast<int>(module.Below(3));
  const RandomValue selector = module.Operand(is_predicate ? "pred" : "s32", {});
  std::string operands = selector.name;
  std::vector<std::string> names;
  constexpr const char* kOperations[] = {"negate", "tanh", "copy"};
  for (int b = 0; b < branches; ++b) {
    absl::StrAppend(&operands, ", ", module.Operand("f32", x.dims).name);
    names.push_back(module.NewName("branch"));
    module.AddComputation(absl::StrCat(names.back(), " {\n  a = ", shape,
                                       " parameter(0)\n  ROOT b = ", shape, " ",
                                       kOperations[module.Below(3)], "(a)\n}\n"));
  }
  const std::string attribute =
      is_predicate ? absl::StrCat("true_computation=", names[0], ", false_computation=", names[1])
                   : absl::StrCat("branch_computations={", absl::StrJoin(names, ", "), "}");
  module.Emit("f32", x.dims, absl::StrCat("conditional(", operands, "), ", attribute));
}

void AddTuple(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1), y = module.AnyOperand("f32", 1);
  module.EmitTuple({{"f32", "", x.dims}, {"f32", "", y.dims}},
                   absl::StrCat("tuple(", x.name, ", ", y.name, ")"));
}

void AddBarrier(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1), y = module.AnyOperand("f32", 1);
  const std::string shape =
      absl::StrCat("(", ShapeText("f32", x.dims), ", ", ShapeText("f32", y.dims), ")");
  const std::string tuple = module.Raw(shape, absl::StrCat("tuple(", x.name, ", ", y.name, ")"));
  module.EmitTuple({{"f32", "", x.dims}, {"f32", "", y.dims}},
                   absl::StrCat("opt-barrier(", tuple, ")"));
}

void AddAsync(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const std::string shape = ShapeText("f32", x.dims), callee = Callee(module, x.dims);
  const std::string tuple = absl::StrCat("((", shape, ", ", shape, "), ", shape, ", s32[])");
  const std::string start =
      module.Raw(tuple, absl::StrCat("async-start(", x.name, ", ",
                                     module.Operand("f32", x.dims).name, "), calls=", callee));
  const std::string update =
      module.Raw(tuple, absl::StrCat("async-update(", start, "), calls=", callee));
  module.Emit("f32", x.dims, absl::StrCat("async-done(", update, "), calls=", callee));
}

void AddDependency(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const std::string token = module.Raw("token[]", "after-all()");
  module.Emit("f32", x.dims, absl::StrCat("add-dependency(", x.name, ", ", token, ")"));
}

}  // namespace

bool AddStructure(RandomModule& module, Opcode opcode) {
  switch (opcode) {
    case Opcode::kAddDependency:
    case Opcode::kAfterAll:
      return AddDependency(module), true;
    case Opcode::kAsyncDone:
    case Opcode::kAsyncStart:
    case Opcode::kAsyncUpdate:
      return AddAsync(module), true;
    case Opcode::kCall:
      return AddCall(module, "call", "to_apply="), true;
    case Opcode::kConditional:
      return AddConditional(module), true;
    case Opcode::kDomain: {
      const RandomValue x = module.AnyOperand("f32", 1);
      module.Emit("f32", x.dims, absl::StrCat("domain(", x.name, ")"));
      return true;
    }
    case Opcode::kFusion:
      return AddCall(module, "fusion", "kind=kLoop, calls="), true;
    case Opcode::kOptBarrier:
      return AddBarrier(module), true;
    case Opcode::kParameter:
      module.Operand("f32", module.Shape(1, 3));
      return true;
    case Opcode::kGetTupleElement:
    case Opcode::kTuple:
      return AddTuple(module), true;
    case Opcode::kWhile:
      return AddWhile(module), true;
    default:
      return false;
  }
}

}  // namespace automap

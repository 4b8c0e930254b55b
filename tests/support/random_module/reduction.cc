#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using Dims = RandomModule::Dims;

struct Monoid {
  const char *type, *reducer, *identity;
};
constexpr Monoid kMonoids[] = {
    {"f32", "add", "0"},       {"f32", "add", "0"},         {"f32", "maximum", "-inf"},
    {"f32", "minimum", "inf"}, {"s32", "add", "0"},         {"s32", "or", "0"},
    {"pred", "and", "true"},   {"pred", "or", "false"},     {"s32", "xor", "0"},
    {"f32", "add", "1"},       {"f32", "maximum", "0.125"}, {"f32", "subtract", "0"}};

// Some of the dims, at least one.
Dims SomeDims(RandomModule& module, int64_t rank) {
  Dims order = module.Permutation(rank);
  order.resize(1 + module.Below(rank));
  std::sort(order.begin(), order.end());
  return order;
}

Dims Without(const Dims& dims, const Dims& left_out) {
  Dims kept;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (std::find(left_out.begin(), left_out.end(), static_cast<int64_t>(d)) == left_out.end()) {
      kept.push_back(dims[d]);
    }
  }
  return kept;
}

void AddReduce(RandomModule& module) {
  if (module.Chance(15)) {
    const RandomValue x = module.AnyOperand("f32", 1);
    const Dims reduced = SomeDims(module, static_cast<int64_t>(x.dims.size()));
    const Dims kept = Without(x.dims, reduced);
    const std::string second = module.Operand("s32", x.dims).name;
    const std::string low = module.Constant("f32", "-inf").name;
    const std::string zero = module.Constant("s32", "0").name;
    return module.EmitTuple({{"f32", "", kept}, {"s32", "", kept}},
                            absl::StrCat("reduce(", x.name, ", ", second, ", ", low, ", ", zero,
                                         "), dimensions=", Braced(reduced), ", to_apply=argmax"));
  }
  const Monoid& monoid = kMonoids[module.Below(std::size(kMonoids))];
  const RandomValue x = module.AnyOperand(monoid.type, 1);
  const Dims reduced = SomeDims(module, static_cast<int64_t>(x.dims.size()));
  module.Emit(monoid.type, Without(x.dims, reduced),
              absl::StrCat("reduce(", x.name, ", ",
                           module.Constant(monoid.type, monoid.identity).name, "), dimensions=",
                           Braced(reduced), ", to_apply=", monoid.reducer, "_", monoid.type));
}

// A window over some dims, and the sizes of what it gives.
std::string Window(RandomModule& module, Dims& dims, bool is_plain) {
  std::vector<std::string> sizes, strides, pads;
  for (int64_t& size : dims) {
    const bool is_touched = module.Chance(50);
    const int64_t width = is_touched ? std::min<int64_t>(size, 2 + module.Below(2)) : 1;
    const int64_t stride = is_touched ? 1 + module.Below(2) : 1;
    const int64_t low = is_touched && !is_plain ? module.Below(width) : 0;
    sizes.push_back(absl::StrCat(width));
    strides.push_back(absl::StrCat(stride));
    pads.push_back(absl::StrCat(low, "_0"));
    size = (size + low - width) / stride + 1;
  }
  return absl::StrCat("window={size=", absl::StrJoin(sizes, "x"),
                      " stride=", absl::StrJoin(strides, "x"), " pad=", absl::StrJoin(pads, "x"),
                      "}");
}

void AddReduceWindow(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  Dims to = x.dims;
  const std::string window = Window(module, to, false);
  const std::string zero = module.Constant("f32", "0").name;
  module.Emit(
      "f32", to,
      absl::StrCat("reduce-window(", x.name, ", ", zero, "), ", window, ", to_apply=add_f32"));
}

void AddSelectAndScatter(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  Dims source = x.dims;
  const std::string window = Window(module, source, true);
  const std::string zero = module.Constant("f32", "0").name;
  module.Emit("f32", x.dims,
              absl::StrCat("select-and-scatter(", x.name, ", ", module.Operand("f32", source).name,
                           ", ", zero, "), ", window, ", select=ge_f32, scatter=add_f32"));
}

void AddSort(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const int64_t dim = module.Below(x.dims.size());
  if (module.Chance(50)) {
    module.Emit("f32", x.dims,
                absl::StrCat("sort(", x.name, "), dimensions={", dim, "}, to_apply=ge_f32"));
    return;
  }
  const std::string second = module.Operand("s32", x.dims).name;
  module.EmitTuple({{"f32", "", x.dims}, {"s32", "", x.dims}},
                   absl::StrCat("sort(", x.name, ", ", second, "), dimensions={", dim,
                                "}, is_stable=true, to_apply=lt_by_first"));
}

void AddTopK(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  Dims to = x.dims;
  to.back() = 1 + module.Below(to.back());
  module.EmitTuple({{"f32", "", to}, {"s32", "", to}},
                   absl::StrCat("topk(", x.name, "), k=", to.back(), ", largest=true"));
}

// A running sum whose body works on slices of the input.
void AddScan(RandomModule& module) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const int64_t dim = module.Below(x.dims.size());
  const Dims lane = Without(x.dims, {dim});
  const std::string body = module.NewName("running_sum"), shape = ShapeText("f32", lane);
  module.AddComputation(absl::StrCat(body, " {\n  x = ", shape, " parameter(0)\n  c = ", shape,
                                     " parameter(1)\n  s = ", shape, " add(x, c)\n  ROOT t = (",
                                     shape, ", ", shape, ") tuple(s, s)\n}\n"));
  const std::string initial = module.Operand("f32", lane).name;
  module.EmitTuple({{"f32", "", x.dims}, {"f32", "", lane}},
                   absl::StrCat("scan(", x.name, ", ", initial, "), dimensions={", dim,
                                "}, num_carries=1, to_apply=", body));
}

void AddBatchNorm(RandomModule& module, Opcode opcode) {
  const RandomValue x = module.AnyOperand("f32", 2);
  const int64_t feature = module.Below(x.dims.size());
  const Dims features = {x.dims[feature]};
  const int statistics = opcode == Opcode::kBatchNormTraining    ? 2
                         : opcode == Opcode::kBatchNormInference ? 4
                                                                 : 3;
  std::string operands = x.name;
  for (int i = 0; i < statistics; ++i) {
    absl::StrAppend(&operands, ", ", module.Operand("f32", features).name);
  }
  if (opcode == Opcode::kBatchNormGrad) {
    absl::StrAppend(&operands, ", ", module.Operand("f32", x.dims).name);
  }
  const std::string operation =
      absl::StrCat(OpcodeName(opcode), "(", operands, "), epsilon=0.125, feature_index=", feature);
  if (opcode == Opcode::kBatchNormInference) {
    module.Emit("f32", x.dims, operation);
  } else {
    module.EmitTuple({{"f32", "", x.dims}, {"f32", "", features}, {"f32", "", features}},
                     operation);
  }
}

}  // namespace

bool AddReduction(RandomModule& module, Opcode opcode) {
  switch (opcode) {
    case Opcode::kBatchNormGrad:
    case Opcode::kBatchNormInference:
    case Opcode::kBatchNormTraining:
      return AddBatchNorm(module, opcode), true;
    case Opcode::kReduce:
      return AddReduce(module), true;
    case Opcode::kReduceWindow:
      return AddReduceWindow(module), true;
    case Opcode::kScan:
      return AddScan(module), true;
    case Opcode::kSelectAndScatter:
      return AddSelectAndScatter(module), true;
    case Opcode::kSort:
      return AddSort(module), true;
    case Opcode::kTopk:
      return AddTopK(module), true;
    default:
      return false;
  }
}

}  // namespace automap

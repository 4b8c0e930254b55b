#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using Dims = RandomModule::Dims;

void AddBroadcast(RandomModule& module) {
  RandomValue from = module.AnyOperand("f32", 0);
  if (from.dims.size() > 3) from = module.Operand("f32", {4, 2});
  Dims to = from.dims, dims;
  for (size_t d = 0; d < from.dims.size(); ++d) dims.push_back(static_cast<int64_t>(d));
  for (int64_t added = 1 + module.Below(2); added > 0; --added) {
    const int64_t at = module.Below(static_cast<int64_t>(to.size()) + 1);
    to.insert(to.begin() + at, module.Size());
    for (int64_t& dim : dims) dim += dim >= at ? 1 : 0;
  }
  module.Emit("f32", to, absl::StrCat("broadcast(", from.name, "), dimensions=", Braced(dims)));
}

void AddTranspose(RandomModule& module) {
  const RandomValue from = module.AnyOperand("f32", 1);
  const auto order = module.Permutation(static_cast<int64_t>(from.dims.size()));
  Dims to;
  for (const int64_t dim : order) to.push_back(from.dims[dim]);
  module.Emit("f32", to, absl::StrCat("transpose(", from.name, "), dimensions=", Braced(order)));
}

// Another list of sizes with the same product.
Dims Refactored(RandomModule& module, const Dims& from) {
  int64_t left = 1;
  for (const int64_t size : from) left *= size;
  Dims to;
  while (left > 1 && to.size() < 3) {
    Dims divisors;
    for (int64_t d = 1; d <= left; ++d) {
      if (left % d == 0) divisors.push_back(d);
    }
    to.push_back(divisors[module.Below(divisors.size())]);
    left /= to.back();
  }
  if (left > 1 || to.empty()) to.push_back(left);
  return to;
}

void AddReshape(RandomModule& module, const char* name) {
  const RandomValue from = module.AnyOperand("f32", 0);
  module.Emit("f32", Refactored(module, from.dims), absl::StrCat(name, "(", from.name, ")"));
}

// Of an array whose dims may lie in memory in either order.
void AddBitcast(RandomModule& module) {
  const Dims dims = {module.Size(), module.Size()};
  const RandomValue source = module.Operand("f32", dims);
  const RandomValue laid = module.Emit("f32", dims, absl::StrCat("copy(", source.name, ")"),
                                       module.Chance(50) ? "{0,1}" : "{1,0}");
  const bool swaps = module.Chance(50);
  module.Emit("f32", swaps ? Dims{dims[1], dims[0]} : Refactored(module, dims),
              absl::StrCat("bitcast(", laid.name, ")"));
}

void AddBitcastConvert(RandomModule& module) {
  Dims dims = module.Shape(1, 2);
  switch (module.Below(3)) {
    case 0:
      module.Emit("s32", dims,
                  absl::StrCat("bitcast-convert(", module.Operand("u32", dims).name, ")"));
      return;
    case 1: {
      const RandomValue from = module.Operand("u32", dims);
      dims.push_back(4);
      module.Emit("u8", dims, absl::StrCat("bitcast-convert(", from.name, ")"));
      return;
    }
    default: {
      Dims wide = dims;
      dims.push_back(2);
      const RandomValue from = module.Operand("u16", dims);
      module.Emit("u32", wide, absl::StrCat("bitcast-convert(", from.name, ")"));
    }
  }
}

void AddConcatenate(RandomModule& module) {
  const RandomValue first = module.AnyOperand("f32", 1);
  const int64_t dim = module.Below(first.dims.size());
  Dims second = first.dims, to = first.dims;
  if (module.Chance(50)) second[dim] = module.Size();
  to[dim] += second[dim];
  module.Emit("f32", to,
              absl::StrCat("concatenate(", first.name, ", ", module.Operand("f32", second).name,
                           "), dimensions={", dim, "}"));
}

void AddPad(RandomModule& module) {
  const RandomValue from = module.AnyOperand("f32", 1);
  std::vector<std::string> paddings;
  Dims to = from.dims;
  for (int64_t& size : to) {
    const int64_t interior = module.Chance(15) ? 1 : 0;
    const int64_t low = module.Chance(30) ? module.Below(4) - 1 : 0;
    int64_t high = module.Chance(30) ? module.Below(4) - 1 : 0;
    const int64_t padded = size + (size - 1) * interior + low;
    if (padded + high < 1) high = 1 - padded;
    size = padded + high;
    paddings.push_back(absl::StrCat(low, "_", high, "_", interior));
  }
  module.Emit("f32", to,
              absl::StrCat("pad(", from.name, ", ", module.Constant("f32", "0.5").name,
                           "), padding=", absl::StrJoin(paddings, "x")));
}

void AddReverse(RandomModule& module) {
  const RandomValue from = module.AnyOperand("f32", 1);
  Dims reversed;
  for (size_t d = 0; d < from.dims.size(); ++d) {
    if (module.Chance(50)) reversed.push_back(static_cast<int64_t>(d));
  }
  module.Emit("f32", from.dims,
              absl::StrCat("reverse(", from.name, "), dimensions=", Braced(reversed)));
}

void AddSlice(RandomModule& module) {
  const RandomValue from = module.AnyOperand("f32", 1);
  std::vector<std::string> ranges;
  Dims to = from.dims;
  for (int64_t& size : to) {
    const int64_t start = module.Chance(40) ? module.Below(size) : 0;
    const int64_t limit = module.Chance(40) ? start + 1 + module.Below(size - start) : size;
    const int64_t stride = module.Chance(20) ? 2 : 1;
    size = (limit - start + stride - 1) / stride;
    ranges.push_back(absl::StrCat("[", start, ":", limit, ":", stride, "]"));
  }
  module.Emit("f32", to,
              absl::StrCat("slice(", from.name, "), slice={", absl::StrJoin(ranges, ", "), "}"));
}

}  // namespace

bool AddDataMovement(RandomModule& module, Opcode opcode) {
  switch (opcode) {
    case Opcode::kBitcast:
      return AddBitcast(module), true;
    case Opcode::kBitcastConvert:
      return AddBitcastConvert(module), true;
    case Opcode::kBroadcast:
      return AddBroadcast(module), true;
    case Opcode::kConcatenate:
      return AddConcatenate(module), true;
    case Opcode::kConstant: {
      const RandomValue scalar = module.Constant("f32", "0.25");
      module.Emit("f32", module.Shape(1, 3),
                  absl::StrCat("broadcast(", scalar.name, "), dimensions={}"));
      return true;
    }
    case Opcode::kCopy: {
      const RandomValue from = module.AnyOperand("f32", 0);
      module.Emit("f32", from.dims, absl::StrCat("copy(", from.name, ")"));
      return true;
    }
    case Opcode::kDynamicReshape:
      return AddReshape(module, "dynamic-reshape"), true;
    case Opcode::kIota: {
      const Dims dims = module.Shape(1, 3);
      module.Emit("s32", dims, absl::StrCat("iota(), iota_dimension=", module.Below(dims.size())));
      return true;
    }
    case Opcode::kPad:
      return AddPad(module), true;
    case Opcode::kReshape:
      return AddReshape(module, "reshape"), true;
    case Opcode::kReverse:
      return AddReverse(module), true;
    case Opcode::kSlice:
      return AddSlice(module), true;
    case Opcode::kTranspose:
      return AddTranspose(module), true;
    default:
      return false;
  }
}

}  // namespace automap

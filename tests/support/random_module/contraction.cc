#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using Dims = RandomModule::Dims;

// Two sides of a dot in random order of dims, and the result's sizes.
struct Sides {
  Dims lhs, rhs, result;
  Dims lhs_batch, rhs_batch, lhs_contracted, rhs_contracted;
  std::string Attributes() const {
    return absl::StrCat("lhs_batch_dims=", Braced(lhs_batch),
                        ", rhs_batch_dims=", Braced(rhs_batch),
                        ", lhs_contracting_dims=", Braced(lhs_contracted),
                        ", rhs_contracting_dims=", Braced(rhs_contracted));
  }
};

Sides DrawSides(RandomModule& module, int64_t batch, int64_t contracted) {
  const Dims shared =
      module.Shape(static_cast<int>(batch + contracted), static_cast<int>(batch + contracted));
  Sides it;
  std::vector<Dims*> sides = {&it.lhs, &it.rhs};
  for (int side = 0; side < 2; ++side) {
    const int64_t free = module.Below(3 - std::min<int64_t>(2, batch));
    const auto order = module.Permutation(batch + contracted + free);
    Dims& sizes = *sides[side];
    sizes.resize(order.size());
    for (int64_t i = 0; i < batch + contracted; ++i) {
      sizes[order[i]] = shared[i];
      Dims& list = i < batch ? (side == 0 ? it.lhs_batch : it.rhs_batch)
                             : (side == 0 ? it.lhs_contracted : it.rhs_contracted);
      list.push_back(order[i]);
    }
    for (size_t i = batch + contracted; i < order.size(); ++i) sizes[order[i]] = module.Size();
  }
  for (int64_t i = 0; i < batch; ++i) it.result.push_back(shared[i]);
  for (int side = 0; side < 2; ++side) {
    const Dims& lists = side == 0 ? it.lhs_contracted : it.rhs_contracted;
    const Dims& batches = side == 0 ? it.lhs_batch : it.rhs_batch;
    for (size_t d = 0; d < sides[side]->size(); ++d) {
      const auto is_d = [&](int64_t dim) { return dim == static_cast<int64_t>(d); };
      if (std::any_of(lists.begin(), lists.end(), is_d)) continue;
      if (std::any_of(batches.begin(), batches.end(), is_d)) continue;
      it.result.push_back((*sides[side])[d]);
    }
  }
  return it;
}

void AddDot(RandomModule& module) {
  const Sides sides = DrawSides(module, module.Below(2), 1 + module.Below(2));
  const std::string lhs = module.Operand("f32", sides.lhs).name;
  module.Emit("f32", sides.result,
              absl::StrCat("dot(", lhs, ", ", module.Operand("f32", sides.rhs).name, "), ",
                           sides.Attributes()));
}

// Each contracted dim is cut into as many blocks as its scales have places.
void AddScaledDot(RandomModule& module) {
  const int64_t m = module.Size(), n = module.Size(), blocks = 2;
  const Dims lhs = {m, 8}, rhs = {8, n};
  const std::string operands = absl::StrCat(
      module.Operand("f32", lhs).name, ", ", module.Operand("f32", rhs).name, ", ",
      module.Operand("f32", {m, blocks}).name, ", ", module.Operand("f32", {blocks, n}).name);
  module.Emit("f32", {m, n},
              absl::StrCat("scaled-dot(", operands,
                           "), lhs_contracting_dims={1}, rhs_contracting_dims={0}"));
}

void AddRaggedDot(RandomModule& module) {
  const int64_t groups = 2, m = module.Size(), k = module.Size(), n = module.Size(),
                b = module.Size();
  const bool has_batch = module.Chance(40);
  const auto batched = [&](Dims dims) {
    if (has_batch) dims.insert(dims.begin(), b);
    return dims;
  };
  const std::string batch = has_batch ? "{0}" : "{}";
  const int64_t first = has_batch ? 1 : 0;
  const std::string sizes =
      module.Operand("s32", module.Chance(50) ? batched({groups}) : Dims{groups}).name;
  const std::string lhs = module.Operand("f32", batched({m, k})).name;
  if (module.Chance(50)) {  // ragged rows
    Dims rhs = batched({k, n});
    rhs.insert(rhs.begin(), groups);
    module.Emit(
        "f32", batched({m, n}),
        absl::StrCat("ragged-dot(", lhs, ", ", module.Operand("f32", rhs).name, ", ", sizes,
                     "), lhs_batch_dims=", batch, ", rhs_batch_dims=", has_batch ? "{1}" : "{}",
                     ", lhs_contracting_dims={", first + 1, "}, rhs_contracting_dims={", first + 1,
                     "}, lhs_ragged_dims={", first, "}, rhs_group_dims={0}"));
    return;
  }
  Dims result = batched({m, n});
  result.insert(result.begin(), groups);
  module.Emit("f32", result,
              absl::StrCat("ragged-dot(", lhs, ", ", module.Operand("f32", batched({k, n})).name,
                           ", ", sizes, "), lhs_batch_dims=", batch, ", rhs_batch_dims=", batch,
                           ", lhs_contracting_dims={", first + 1, "}, rhs_contracting_dims={",
                           first, "}, lhs_ragged_dims={", first + 1, "}, rhs_group_dims={}"));
}

// One spatial dim of a convolution: sizes of the three arrays and the window over it.
struct Space {
  int64_t in = 1, kernel = 1, out = 1, stride = 1, low = 0, high = 0, in_dilation = 1,
          kernel_dilation = 1;
  bool reversed = false;
};

Space DrawSpace(RandomModule& module) {
  Space it;
  it.in = std::max<int64_t>(2, module.Size());
  switch (module.Below(8)) {
    case 0:  // a batch written as space
      it.kernel = it.in, it.in_dilation = it.in, it.stride = it.in - 1;
      break;
    case 1:
      it.kernel = it.in, it.in_dilation = it.in, it.kernel_dilation = it.in - 1;
      break;
    case 2:
      it.kernel = it.in, it.low = it.high = it.in - 1, it.reversed = true;
      it.stride = it.in, it.in_dilation = it.in - 1;
      break;
    case 3:  // contracted
      it.kernel = it.in, it.stride = 1 + module.Below(2);
      break;
    case 4:  // free in the kernel
      it.kernel = it.in, it.in = 1, it.low = it.high = it.kernel - 1, it.reversed = true;
      break;
    case 5:  // free in the input
      break;
    default:
      it.kernel = 1 + module.Below(3), it.stride = 1 + module.Below(2);
      it.low = module.Below(2), it.high = module.Below(2), it.reversed = module.Chance(20);
      it.in_dilation = module.Chance(20) ? 2 : 1, it.kernel_dilation = module.Chance(20) ? 2 : 1;
  }
  const int64_t span = (it.kernel - 1) * it.kernel_dilation + 1;
  int64_t room = (it.in - 1) * it.in_dilation + 1 + it.low + it.high - span;
  if (room < 0) it.high -= room, room = 0;
  it.out = room / it.stride + 1;
  return it;
}

std::string WindowText(const std::vector<Space>& spaces) {
  const auto joined = [&](auto text) {
    std::vector<std::string> parts;
    for (const Space& space : spaces) parts.push_back(text(space));
    return absl::StrJoin(parts, "x");
  };
  if (spaces.empty()) return "";
  return absl::StrCat(
      ", window={size=", joined([](const Space& s) { return absl::StrCat(s.kernel); }),
      " stride=", joined([](const Space& s) { return absl::StrCat(s.stride); }),
      " pad=", joined([](const Space& s) { return absl::StrCat(s.low, "_", s.high); }),
      " lhs_dilate=", joined([](const Space& s) { return absl::StrCat(s.in_dilation); }),
      " rhs_dilate=", joined([](const Space& s) { return absl::StrCat(s.kernel_dilation); }),
      " rhs_reversal=", joined([](const Space& s) { return s.reversed ? "1" : "0"; }), "}");
}

// Sizes and labels of one array in a random order of its dims.
void Shuffle(RandomModule& module, Dims& dims, std::string& labels) {
  const auto order = module.Permutation(static_cast<int64_t>(dims.size()));
  const Dims sizes = dims;
  const std::string names = labels;
  for (size_t i = 0; i < order.size(); ++i) {
    dims[i] = sizes[order[i]];
    labels[i] = names[order[i]];
  }
}

void AddConvolution(RandomModule& module) {
  std::vector<Space> spaces(module.Below(3));
  for (Space& space : spaces) space = DrawSpace(module);
  const int64_t groups = module.Chance(50) ? 1 : 1 + module.Below(4);
  const bool of_batch = groups > 1 && module.Chance(50);
  constexpr int64_t kSmall[] = {1, 2, 4};
  const int64_t batch = module.Chance(50) ? 4 : 2, in = kSmall[module.Below(3)],
                out = kSmall[module.Below(3)];
  Dims lhs = {batch * (of_batch ? groups : 1), in * (of_batch ? 1 : groups)};
  Dims rhs = {in, out * groups}, result = {batch, out * groups};
  std::string lhs_labels = "bf", rhs_labels = "io", result_labels = "bf";
  for (size_t i = 0; i < spaces.size(); ++i) {
    lhs.push_back(spaces[i].in), rhs.push_back(spaces[i].kernel), result.push_back(spaces[i].out);
    const char digit = static_cast<char>('0' + i);
    lhs_labels += digit, rhs_labels += digit, result_labels += digit;
  }
  Shuffle(module, lhs, lhs_labels);
  Shuffle(module, rhs, rhs_labels);
  Shuffle(module, result, result_labels);
  std::string attributes = absl::StrCat(WindowText(spaces), ", dim_labels=", lhs_labels, "_",
                                        rhs_labels, "->", result_labels);
  if (groups > 1) {
    absl::StrAppend(&attributes,
                    of_batch ? ", batch_group_count=" : ", feature_group_count=", groups);
  }
  const std::string left = module.Operand("f32", lhs).name;
  module.Emit(
      "f32", result,
      absl::StrCat("convolution(", left, ", ", module.Operand("f32", rhs).name, ")", attributes));
}

Dims SquareMatrices(RandomModule& module) {
  Dims dims = module.Shape(0, 2);
  const int64_t size = 2 + module.Below(3);
  dims.push_back(size);
  dims.push_back(size);
  return dims;
}

void AddCholesky(RandomModule& module) {
  const Dims dims = SquareMatrices(module);
  module.Emit("f32", dims,
              absl::StrCat("cholesky(", module.Operand("f32", dims).name, "), lower=true"));
}

void AddTriangularSolve(RandomModule& module) {
  const Dims a = SquareMatrices(module);
  const bool left = module.Chance(50);
  Dims b = a;
  b[left ? b.size() - 1 : b.size() - 2] = module.Size();
  module.Emit("f32", b,
              absl::StrCat("triangular-solve(", module.Operand("f32", a).name, ", ",
                           module.Operand("f32", b).name, "), left_side=", left ? "true" : "false",
                           ", lower=", module.Chance(50) ? "true" : "false",
                           ", transpose_a=", module.Chance(50) ? "TRANSPOSE" : "NO_TRANSPOSE"));
}

void AddFft(RandomModule& module) {
  const Dims dims = module.Shape(1, 3);
  const int64_t transformed = 1 + module.Below(dims.size());
  const Dims lengths(dims.end() - transformed, dims.end());
  const std::string real = module.Operand("f32", dims).name;
  const std::string imaginary = module.Operand("f32", dims).name;
  const RandomValue x =
      module.Emit("c64", dims, absl::StrCat("complex(", real, ", ", imaginary, ")"));
  module.Emit("c64", dims,
              absl::StrCat("fft(", x.name, "), fft_type=", module.Chance(50) ? "FFT" : "IFFT",
                           ", fft_length=", Braced(lengths)));
}

}  // namespace

bool AddContraction(RandomModule& module, Opcode opcode) {
  switch (opcode) {
    case Opcode::kCholesky:
      return AddCholesky(module), true;
    case Opcode::kConvolution:
      return AddConvolution(module), true;
    case Opcode::kDot:
      return AddDot(module), true;
    case Opcode::kFft:
      return AddFft(module), true;
    case Opcode::kRaggedDot:
      return AddRaggedDot(module), true;
    case Opcode::kScaledDot:
      return AddScaledDot(module), true;
    case Opcode::kTriangularSolve:
      return AddTriangularSolve(module), true;
    default:
      return false;
  }
}

}  // namespace automap

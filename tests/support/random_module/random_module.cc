#include "tests/support/random_module/random_module.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace automap {
namespace {

// Reducers and comparators over f32, s32 and pred.
std::string Computations() {
  std::string text;
  const std::vector<std::pair<std::string, std::vector<const char*>>> operations = {
      {"f32", {"add", "maximum", "minimum", "multiply", "subtract"}},
      {"s32", {"add", "maximum", "minimum", "multiply", "and", "or", "xor"}},
      {"pred", {"and", "or"}}};
  for (const auto& [type, names] : operations) {
    for (const char* operation : names) {
      absl::StrAppend(&text, operation, "_", type, " {\n  a = ", type,
                      "[] parameter(0)\n  b = ", type, "[] parameter(1)\n  ROOT c = ", type, "[] ",
                      operation, "(a, b)\n}\n");
    }
    absl::StrAppend(&text, "second_", type, " {\n  a = ", type,
                    "[] parameter(0)\n  ROOT b = ", type, "[] parameter(1)\n}\n");
    absl::StrAppend(&text, "ge_", type, " {\n  a = ", type, "[] parameter(0)\n  b = ", type,
                    "[] parameter(1)\n  ROOT c = pred[] compare(a, b), direction=GE\n}\n");
  }
  text += R"(lt_by_first {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  i = s32[] parameter(2)
  j = s32[] parameter(3)
  ROOT c = pred[] compare(a, b), direction=LT
}
argmax {
  x = f32[] parameter(0)
  i = s32[] parameter(1)
  y = f32[] parameter(2)
  j = s32[] parameter(3)
  c = pred[] compare(x, y), direction=GE
  v = f32[] select(c, x, y)
  k = s32[] select(c, i, j)
  ROOT t = (f32[], s32[]) tuple(v, k)
}
add_both {
  a = f32[] parameter(0)
  b = f32[] parameter(1)
  c = f32[] parameter(2)
  d = f32[] parameter(3)
  e = f32[] add(a, c)
  f = f32[] add(b, d)
  ROOT t = (f32[], f32[]) tuple(e, f)
}
)";
  return text;
}

}  // namespace

std::string ShapeText(const std::string& type, const std::vector<int64_t>& dims) {
  return absl::StrCat(type, "[", absl::StrJoin(dims, ","), "]");
}

std::string Braced(const std::vector<int64_t>& list) {
  return absl::StrCat("{", absl::StrJoin(list, ","), "}");
}

int64_t RandomModule::Size() {
  constexpr int64_t kSizes[] = {1, 2, 2, 3, 4, 4, 4, 6, 8, 8};
  return kSizes[Below(10)];
}

RandomModule::Dims RandomModule::Shape(int min_rank, int max_rank) {
  Dims dims(min_rank + Below(max_rank - min_rank + 1));
  int64_t elements = 1;
  for (int64_t& size : dims) {
    size = elements > 64 ? 2 : Size();
    elements *= size;
  }
  return dims;
}

std::vector<int64_t> RandomModule::Permutation(int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random_);
  return order;
}

std::string RandomModule::NewName(const std::string& prefix) {
  return absl::StrCat(prefix, ".", next_++);
}

RandomValue RandomModule::Emit(const std::string& type, const Dims& dims,
                               const std::string& operation, const std::string& layout) {
  const RandomValue value = {type, NewName("v"), dims};
  absl::StrAppend(&body_, "  ", value.name, " = ", ShapeText(type, dims), layout, " ", operation,
                  "\n");
  values_.push_back(value);
  return value;
}

void RandomModule::EmitTuple(const std::vector<RandomValue>& elements,
                             const std::string& operation) {
  std::vector<std::string> shapes;
  for (const RandomValue& element : elements) {
    shapes.push_back(ShapeText(element.type, element.dims));
  }
  const std::string tuple = Raw(absl::StrCat("(", absl::StrJoin(shapes, ", "), ")"), operation);
  for (size_t i = 0; i < elements.size(); ++i) {
    Emit(elements[i].type, elements[i].dims,
         absl::StrCat("get-tuple-element(", tuple, "), index=", i));
  }
}

std::string RandomModule::Raw(const std::string& shape, const std::string& operation) {
  const std::string name = NewName("r");
  absl::StrAppend(&body_, "  ", name, " = ", shape, " ", operation, "\n");
  return name;
}

RandomValue RandomModule::Constant(const std::string& type, const std::string& value) {
  const RandomValue constant = {type, NewName("c"), {}};
  absl::StrAppend(&body_, "  ", constant.name, " = ", type, "[] constant(", value, ")\n");
  return constant;
}

RandomValue RandomModule::Operand(const std::string& type, const Dims& dims) {
  std::vector<const RandomValue*> fitting;
  for (const RandomValue& value : values_) {
    if (value.type == type && value.dims == dims) fitting.push_back(&value);
  }
  if (!fitting.empty() && Chance(75)) return *fitting[Below(fitting.size())];
  if (!dims.empty() && (type == "f32" || type == "s32") && Chance(15)) {
    return Emit(type, dims, absl::StrCat("iota(), iota_dimension=", Below(dims.size())));
  }
  return Emit(type, dims, absl::StrCat("parameter(", parameters_++, ")"));
}

RandomValue RandomModule::AnyOperand(const std::string& type, int min_rank) {
  std::vector<const RandomValue*> fitting;
  for (const RandomValue& value : values_) {
    if (value.type == type && static_cast<int>(value.dims.size()) >= min_rank) {
      fitting.push_back(&value);
    }
  }
  if (!fitting.empty() && Chance(85)) return *fitting[Below(fitting.size())];
  return Operand(type, Shape(min_rank, std::max(min_rank, 3)));
}

bool RandomModule::Add(Opcode opcode) {
  return AddElementwise(*this, opcode) || AddDataMovement(*this, opcode) ||
         AddReduction(*this, opcode) || AddContraction(*this, opcode) ||
         AddIndexed(*this, opcode) || AddStructure(*this, opcode) || AddTransfer(*this, opcode);
}

void RandomModule::AddAny() {
  constexpr Opcode kCommon[] = {
      Opcode::kAdd,     Opcode::kMultiply, Opcode::kSubtract,    Opcode::kDot,
      Opcode::kDot,     Opcode::kReduce,   Opcode::kBroadcast,   Opcode::kTranspose,
      Opcode::kReshape, Opcode::kReshape,  Opcode::kSelect,      Opcode::kGather,
      Opcode::kScatter, Opcode::kTanh,     Opcode::kConvolution, Opcode::kConcatenate};
  if (Chance(60)) {
    Add(kCommon[Below(std::size(kCommon))]);
  } else {
    while (!Add(static_cast<Opcode>(Below(kOpcodeCount)))) {
    }
  }
}

namespace {

// Whether a name stands in the text elsewhere than where it is defined.
bool IsRead(const std::string& name, const std::string& text) {
  int places = 0;
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const char next = at + name.size() < text.size() ? text[at + name.size()] : ' ';
    places += absl::ascii_isalnum(next) || next == '.' ? 0 : 1;
  }
  return places > 1;
}

}  // namespace

// Results are the last values, some others, and what nothing reads: no operation is dead.
std::string RandomModule::Text(int results) {
  std::vector<std::string> names, shapes;
  for (size_t i = 0; i < values_.size(); ++i) {
    const bool is_last = i + results >= values_.size();
    if (!is_last && !Chance(15) && IsRead(values_[i].name, body_)) continue;
    names.push_back(values_[i].name);
    shapes.push_back(ShapeText(values_[i].type, values_[i].dims));
  }
  return absl::StrCat("HloModule random\n\n", Computations(), computations_, "\nENTRY main {\n",
                      body_, "  ROOT result = (", absl::StrJoin(shapes, ", "), ") tuple(",
                      absl::StrJoin(names, ", "), ")\n}\n");
}

}  // namespace automap

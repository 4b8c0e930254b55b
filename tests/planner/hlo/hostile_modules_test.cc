// A corpus of modules that mean harm: each is refused soon, with the path of what is wrong.
#include <chrono>
#include <functional>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "planner/hlo/read_module.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;

constexpr char kBase[] = R"(HloModule m
add { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] add(x, y) }
cond { c = (f32[4,8], s32[]) parameter(0)
  ROOT t = pred[] constant(false) }
body { ROOT b = (f32[4,8], s32[]) parameter(0) }
ENTRY main {
  p0 = f32[4,8] parameter(0)
  p1 = f32[8,2] parameter(1)
  dot = f32[4,2] dot(p0, p1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  zero = f32[] constant(0)
  red = f32[4] reduce(dot, zero), dimensions={1}, to_apply=add
  bro = f32[4,8] broadcast(red), dimensions={0}
  tra = f32[8,4] transpose(bro), dimensions={1,0}
  res = f32[32] reshape(tra)
  sli = f32[4] slice(res), slice={[0:4]}
  con = f32[8] concatenate(sli, sli), dimensions={0}
  i = s32[] constant(1)
  tup = (f32[4,8], s32[]) tuple(bro, i)
  whi = (f32[4,8], s32[]) while(tup), condition=cond, body=body
  get = f32[4,8] get-tuple-element(whi), index=0
  ROOT out = (f32[4,8], f32[8]) tuple(get, con)
})";

struct Spoiler {
  const char* name;
  std::function<void(Instruction&)> spoil;
};

// Each makes any instruction wrong.
const Spoiler kSpoilers[] = {
    {"no name", [](auto& i) { i.clear_name(); }},
    {"no opcode", [](auto& i) { i.clear_opcode(); }},
    {"no shape", [](auto& i) { i.clear_shape(); }},
    {"bad type", [](auto& i) { i.mutable_shape()->set_element_type(xla::PRIMITIVE_TYPE_INVALID); }},
    {"unknown type",
     [](auto& i) { i.mutable_shape()->set_element_type(static_cast<xla::PrimitiveType>(9999)); }},
    {"largest size",
     [](auto& i) {
       i.mutable_shape()->clear_tuple_shapes();
       i.mutable_shape()->set_element_type(xla::F32);
       i.mutable_shape()->add_dimensions(INT64_MAX);
     }},
    {"negative size",
     [](auto& i) {
       i.mutable_shape()->set_element_type(xla::F32);
       i.mutable_shape()->add_dimensions(INT64_MIN);
     }},
    {"overflowing product",
     [](auto& i) {
       i.mutable_shape()->set_element_type(xla::F32);
       for (int d = 0; d < 8; ++d) i.mutable_shape()->add_dimensions(int64_t{1} << 40);
     }},
    {"rank 65536",
     [](auto& i) {
       i.mutable_shape()->set_element_type(xla::F32);
       for (int d = 0; d < 65536; ++d) i.mutable_shape()->add_dimensions(1);
     }},
    {"deep tuple",
     [](auto& i) {
       xla::ShapeProto shape;
       shape.set_element_type(xla::F32);
       for (int d = 0; d < 90; ++d) {
         xla::ShapeProto outer;
         outer.set_element_type(xla::TUPLE);
         *outer.add_tuple_shapes() = std::move(shape);
         shape = std::move(outer);
       }
       *i.mutable_shape() = std::move(shape);
     }},
    {"operand of the future", [](auto& i) { i.add_operand_ids(INT64_MAX); }},
    {"operand of itself", [](auto& i) { i.add_operand_ids(i.id()); }},
    {"negative operand", [](auto& i) { i.add_operand_ids(-1); }},
    {"many operands",
     [](auto& i) {
       for (int n = 0; n < 70'000; ++n) i.add_operand_ids(n);
     }},
    {"unknown callee", [](auto& i) { i.add_called_computation_ids(INT64_MAX); }},
    {"callee in a circle", [](auto& i) { i.add_called_computation_ids(4); }},
};

class HostileModules : public testing::Test {
 protected:
  // Refused, soon and with a path.
  void Refuse(const std::string& name, const std::string& bytes, bool needs_path = true) {
    const auto begin = std::chrono::steady_clock::now();
    const auto module = ReadModule(bytes);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    longest_s_ = std::max(longest_s_, time.count());
    EXPECT_LT(time.count(), 2) << name;  // about 0.1 s on a machine of one's own
    ++modules_;
    ASSERT_FALSE(module.ok()) << name << " is taken for a module";
    const std::string message(module.status().message());
    EXPECT_TRUE(module.status().code() == absl::StatusCode::kInvalidArgument ||
                module.status().code() == absl::StatusCode::kResourceExhausted)
        << name << ": " << module.status();
    EXPECT_TRUE(!needs_path || message.find(':') != std::string::npos) << name << ": " << message;
  }

  int modules_ = 0;
  double longest_s_ = 0;
};

TEST_F(HostileModules, EachIsRefusedSoonWithAPath) {
  const auto base = ReadModule(kBase);
  ASSERT_TRUE(base.ok()) << base.status();
  for (int c = 0; c < base->proto->computations_size(); ++c) {
    for (int i = 0; i < base->proto->computations(c).instructions_size(); ++i) {
      for (const Spoiler& spoiler : kSpoilers) {
        xla::HloModuleProto spoiled = *base->proto;
        spoiler.spoil(*spoiled.mutable_computations(c)->mutable_instructions(i));
        Refuse(absl::StrCat(spoiler.name, " at ", c, ".", i), spoiled.SerializeAsString());
      }
    }
  }
  const std::string wire = base->proto->SerializeAsString();
  for (size_t cut = 1; cut < wire.size(); cut += wire.size() / 40)
    Refuse(absl::StrCat("cut at ", cut), wire.substr(0, cut), false);
  EXPECT_GE(modules_, 300);
  RecordProperty("modules", modules_);
  std::cout << modules_ << " modules, the slowest took " << longest_s_ << " s\n";
}

TEST_F(HostileModules, ManyBytesThatCostMuchMoreMemoryAreRefusedBeforeTheyDo) {
  // Fifty million bytes of empty instructions would be nineteen gigabytes.
  std::string computation;
  computation.reserve(50 << 20);
  while (computation.size() < (50 << 20)) computation += std::string("\x12\x00", 2);
  xla::HloModuleProto module;
  std::string bytes = module.SerializeAsString();
  bytes.push_back('\x1a');
  for (size_t size = computation.size(); size > 0; size >>= 7)
    bytes.push_back(static_cast<char>((size & 127) | (size > 127 ? 128 : 0)));
  Refuse("empty instructions", bytes + computation);
  Refuse("a module of nothing", std::string(1 << 20, '\0'), false);
  Refuse("text without end", "HloModule m\nENTRY e {" + std::string(1 << 20, '('), false);
}

}  // namespace
}  // namespace automap

#include "planner/hlo/wire_scan.h"

#include <filesystem>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "gtest/gtest.h"
#include "planner/hlo/gunzip.h"
#include "planner/hlo/wire_reader.h"
#include "tests/support/files.h"
#include "tests/support/wire.h"

namespace automap {
namespace {

std::string Many(const std::string& part, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += part;
  return all;
}

TEST(ScanWire, SaysWhatEveryRealModuleTakesAndRefusesNone) {
  int modules = 0;
  for (const char* folder : {"zoo", "kinds"}) {
    for (const auto& entry : std::filesystem::directory_iterator(TestData(folder))) {
      const std::string name = absl::StrCat(folder, "/", entry.path().filename().string());
      if (!absl::EndsWith(name, ".pb.gz")) continue;
      const auto bytes = Gunzip(ReadTestData(name), int64_t{1} << 30);
      ASSERT_TRUE(bytes.ok()) << name;
      const auto scan = ScanWire(*bytes, ReadLimits{});
      ASSERT_TRUE(scan.ok()) << name << ": " << scan.status();
      const auto module = ReadModule(*bytes);
      ASSERT_TRUE(module.ok()) << name << ": " << module.status();
      const auto actual = static_cast<double>(module->arena->SpaceUsed());
      EXPECT_GT(static_cast<double>(scan->memory_bytes), 0.9 * actual) << name;
      EXPECT_LT(static_cast<double>(scan->memory_bytes), 3 * actual) << name;
      // As many bytes as may be of such modules would be within the limits.
      const ReadLimits limits;
      const auto most = static_cast<double>(limits.max_bytes) / static_cast<double>(bytes->size());
      const auto times = [most](int64_t count) { return most * static_cast<double>(count); };
      EXPECT_LT(kBytesPerPart * scan->parts, static_cast<int64_t>(bytes->size())) << name;
      EXPECT_LT(times(scan->numbers), kNumbersPerInstruction * limits.max_instructions) << name;
      ++modules;
    }
  }
  EXPECT_GT(modules, 20);
}

// As large as may be: each instruction with a name, an opcode, a shape of four sizes and operands.
TEST(ScanWire, AMillionOrdinaryInstructionsAreRead) {
  xla::HloInstructionProto instruction;
  instruction.set_name("multiply.123456");
  instruction.set_opcode("multiply");
  instruction.mutable_shape()->set_element_type(xla::F32);
  for (const int64_t size : {8, 1024, 4096, 128}) {
    instruction.mutable_shape()->add_dimensions(size);
    instruction.mutable_shape()->mutable_layout()->add_minor_to_major(size % 4);
  }
  instruction.mutable_metadata()->set_op_name("jit(step)/transpose/layer/multiply");
  instruction.add_operand_ids(int64_t{1} << 40);
  instruction.add_operand_ids(int64_t{2} << 40);
  const auto scan =
      ScanWire(Field(3, Many(Field(2, instruction.SerializeAsString()), 1'000'000)), ReadLimits{});
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_EQ(scan->instructions, 1'000'000);
  EXPECT_EQ(scan->parts, 3'000'000);
  EXPECT_EQ(scan->numbers, 10'000'000);
}

// Wherever in a module parts and numbers may be, so many of them.
std::vector<std::pair<const char*, std::string>> ModulesOf(int parts, int numbers) {
  const std::string ones = Many("\x01", numbers);
  return {
      {"shapes of an instruction", Field(3, Field(2, Field(3, Many(Field(4, ""), parts))))},
      {"sizes of a shape", Field(3, Field(2, Field(3, Field(3, ones))))},
      {"shapes of a computation", Field(3, Field(4, Many(Field(1, ""), parts)))},
      {"shapes of the module", Field(4, Many(Field(1, ""), parts))},
      {"aliases of the module", Field(8, Many(Field(1, ""), parts))},
      {"attributes", Field(19, Many(Field(1, ""), parts))},
      {"layouts", Field(3, Field(2, Field(3, Many(Field(5, ""), parts))))},
      {"operands", Field(3, Field(2, Field(36, ones)))},
      {"operands, one by one", Field(3, Field(2, Many("\xa0\x02\x01", numbers)))},
      {"unknown fields", Many(Field(1000, ""), parts)},
      {"unknown numbers", Many("\xc0\x3e\x01", parts)},
      {"fields of a container", Field(1, Field(1, "m")) + Many(Field(1000, ""), parts)},
  };
}

TEST(ScanWire, MuchMemoryFromFewBytesIsRefused) {
  const ReadLimits limits = {.max_instructions = 100};
  for (const auto& [what, bytes] : ModulesOf(2'000'000, 1601)) {
    EXPECT_EQ(ScanWire(bytes, limits).status().code(), absl::StatusCode::kResourceExhausted)
        << what;
  }
  for (const auto& [what, bytes] : ModulesOf(900'000, 1600))
    EXPECT_TRUE(ScanWire(bytes, limits).ok()) << what;
  const std::string constant = Field(3, Field(2, Field(8, Field(5, Many("\x01", 1601)))));
  EXPECT_TRUE(ScanWire(constant, limits).ok()) << "a constant may be large";
}

TEST(ScanWire, NestsAsDeepAsTheParserGoes) {
  std::string shape;
  for (int depth = 0; depth < 90; ++depth) shape = Field(4, shape + "\x10\x01");
  EXPECT_TRUE(ScanWire(Field(3, Field(2, Field(3, shape))), ReadLimits{}).ok());
  for (int depth = 0; depth < 10; ++depth) shape = Field(4, shape);
  EXPECT_EQ(ScanWire(Field(3, Field(2, Field(3, shape))), ReadLimits{}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(WireReader, TakesShortFieldsAsItReadsThem) {
  std::mt19937 random(1);
  int taken = 0;
  for (int trial = 0; trial < 200000; ++trial) {
    std::string bytes(random() % 12, 0);
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 24);
    WireReader quick(bytes), slow(bytes);
    WireField field;
    while (quick.TakeShort(field)) {
      const auto same = slow.Next();
      ASSERT_TRUE(same.ok()) << same.status();
      EXPECT_EQ(field.number, same->number);
      EXPECT_EQ(field.wire_type, same->wire_type);
      EXPECT_EQ(field.payload, same->payload);
      EXPECT_EQ(field.bytes, same->bytes);
      EXPECT_EQ(quick.offset(), slow.offset());
      ++taken;
    }
    EXPECT_EQ(quick.offset(), slow.offset()) << "what is not taken is left";
  }
  EXPECT_GT(taken, 5000);
}

}  // namespace
}  // namespace automap

#include "planner/hlo/read_module.h"

#include <zlib.h>

#include <random>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tests/support/wire.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

// What the data's own description says of each module.
struct ZooCount {
  const char* name;
  int instructions;
};
constexpr ZooCount kCounts[] = {
    {"mlp", 182},       {"vgg19", 942},       {"tf-vgg19", 1271},          {"torch-xla-cnn", 333},
    {"resnet50", 6860}, {"scan-lm-7b", 1180}, {"t5-small-dropout", 23782}, {"t5-11b-paper", 28805},
    {"bert-48", 79456}};

int CountInstructions(const xla::HloModuleProto& module) {
  int count = 0;
  for (const auto& computation : module.computations()) count += computation.instructions_size();
  return count;
}

// The instruction without what differs between formats: ids (operands by position instead),
// layouts, what text does not carry, and defaults that one of them writes out.
std::string Normalized(const xla::HloComputationProto& computation,
                       const xla::HloModuleProto& module) {
  std::string text = computation.name();
  std::map<uint32_t, int> position;
  for (const auto& instruction : computation.instructions()) {
    const int index = position.size();
    position[static_cast<uint32_t>(instruction.id())] = index;
    xla::HloInstructionProto plain;
    plain.set_name(instruction.name());
    plain.set_opcode(instruction.opcode());
    *plain.mutable_shape() = instruction.shape();
    std::function<void(xla::ShapeProto&)> strip = [&](xla::ShapeProto& shape) {
      shape.clear_layout();
      bool dynamic = false;
      for (const bool flag : shape.is_dynamic_dimension()) dynamic |= flag;
      if (!dynamic) shape.clear_is_dynamic_dimension();
      for (auto& element : *shape.mutable_tuple_shapes()) strip(element);
    };
    strip(*plain.mutable_shape());
    *plain.mutable_dimensions() = instruction.dimensions();
    *plain.mutable_slice_dimensions() = instruction.slice_dimensions();
    *plain.mutable_dynamic_slice_sizes() = instruction.dynamic_slice_sizes();
    *plain.mutable_gather_slice_sizes() = instruction.gather_slice_sizes();
    plain.mutable_metadata()->set_op_name(instruction.metadata().op_name());
    plain.set_tuple_index(instruction.tuple_index());
    plain.set_comparison_direction(instruction.comparison_direction());
    text += plain.ShortDebugString();
    const auto& dot = instruction.dot_dimension_numbers();
    if (instruction.opcode() == "dot") text += dot.ShortDebugString();
    if (instruction.opcode() == "gather")
      text += instruction.gather_dimension_numbers().ShortDebugString();
    if (instruction.opcode() == "scatter")
      text += instruction.scatter_dimension_numbers().ShortDebugString();
    if (instruction.opcode() == "convolution")
      text += instruction.convolution_dimension_numbers().ShortDebugString();
    for (const auto& dimension : instruction.window().dimensions()) {
      text += absl::StrCat(" w", dimension.size(), ",", dimension.stride(), ",",
                           dimension.padding_low(), ",", dimension.padding_high(), ",",
                           dimension.base_dilation(), ",", dimension.window_dilation(), ",",
                           dimension.window_reversal());
    }
    for (const int64_t id : instruction.operand_ids())
      text += absl::StrCat(" @", position[static_cast<uint32_t>(id)]);
    for (const int64_t id : instruction.called_computation_ids()) {
      for (const auto& callee : module.computations()) {
        if (callee.id() == id) text += " >" + callee.name();
      }
    }
    text += "\n";
  }
  return text + absl::StrCat("root ", position[static_cast<uint32_t>(computation.root_id())]);
}

// Text writes out zeros that the wire leaves away.
std::string WithoutZeros(std::string text) {
  return std::regex_replace(text,
                            std::regex("(index_vector_dim|start|(input|kernel_input|kernel_output|"
                                       "output)_(batch|feature)_dimension): 0 ?"),
                            "");
}

std::map<std::string, std::string> Normalized(const xla::HloModuleProto& module) {
  std::map<std::string, std::string> computations;
  for (const auto& computation : module.computations())
    computations[computation.name()] = WithoutZeros(Normalized(computation, module));
  return computations;
}

std::string FirstDifference(const std::string& a, const std::string& b) {
  const size_t at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
  const size_t from = at > 200 ? at - 200 : 0;
  return a.substr(from, 300) + "\n----\n" + b.substr(from, 300);
}

class ZooWithText : public testing::TestWithParam<std::string> {};

TEST_P(ZooWithText, TextAndProtoGiveTheSameGraphNodeByNode) {
  const auto proto = ReadModule(ReadZooFile(GetParam(), ".hlo.pb.gz")),
             text = ReadModule(ReadZooFile(GetParam(), ".hlo.txt.gz"));
  ASSERT_TRUE(proto.ok()) << proto.status();
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(proto->format, ModuleFormat::kProto);
  EXPECT_EQ(text->format, ModuleFormat::kText);
  const auto a = Normalized(*proto->proto), b = Normalized(*text->proto);
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, body] : a)
    ASSERT_TRUE(body == b.at(name)) << FirstDifference(body, b.at(name));
  EXPECT_EQ(proto->proto->input_output_alias().entries_size(),
            text->proto->input_output_alias().entries_size());
}

INSTANTIATE_TEST_SUITE_P(Zoo, ZooWithText,
                         testing::Values("mlp", "vgg19", "tf-vgg19", "scan-lm-7b", "resnet50",
                                         "t5-base"),
                         [](const auto& test) { return TestName(test.param); });

TEST(ReadModule, CountsAreTheZoos) {
  for (const ZooCount& item : kCounts) {
    const auto module = ReadModule(ZooModule(item.name));
    ASSERT_TRUE(module.ok()) << item.name << ": " << module.status();
    EXPECT_EQ(CountInstructions(*module->proto), item.instructions) << item.name;
  }
}

TEST(ReadModule, DigestIsOfTheBytesAfterDecompression) {
  EXPECT_EQ(ReadModule(ZooModule("mlp"))->sha256,
            ReadModule(ReadZooFile("mlp", ".hlo.pb.gz"))->sha256);
  EXPECT_EQ(ReadModule(ZooModule("mlp"))->sha256.size(), 64u);
}

TEST(ReadModule, ReadsJsonInBothSpellingsAndInsideHloProto) {
  const auto module = ReadModule(ZooModule("mlp"));
  for (const bool snake : {false, true}) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = snake;
    std::string json, outer_json;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(*module->proto, &json, options).ok());
    xla::HloProto outer;
    *outer.mutable_hlo_module() = *module->proto;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(outer, &outer_json, options).ok());
    for (const std::string& text : {json, outer_json}) {
      const auto read = ReadModule(text);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->format, ModuleFormat::kJson);
      EXPECT_EQ(Normalized(*read->proto), Normalized(*module->proto));
    }
  }
}

TEST(ReadModule, ReadsContainersAndProtobufText) {
  const auto module = ReadModule(ZooModule("mlp"));
  xla::HloSnapshot snapshot;
  *snapshot.mutable_hlo()->mutable_hlo_module() = *module->proto;
  for (const std::string& bytes : {snapshot.hlo().SerializeAsString(), snapshot.SerializeAsString(),
                                   module->proto->DebugString(), snapshot.hlo().DebugString()}) {
    const auto read = ReadModule(bytes);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(Normalized(*read->proto), Normalized(*module->proto));
  }
}

// XLA's dumps of optimised modules have a buffer assignment, its snapshots arguments and a result:
// the numbers of these fields are those of a module's entry and computations.
TEST(ReadModule, ReadsContainersWithAllThatXlaPutsIntoThem) {
  const auto module = ReadModule(ZooModule("mlp"));
  const std::string other =
      Field(1, "\x08\x01");  // its first field is a message: a buffer, a shape
  const std::string hlo = Field(1, module->proto->SerializeAsString());
  for (const std::string& bytes :
       {hlo + Field(3, other), Field(1, hlo) + Field(2, other) + Field(3, other),
        Field(1, hlo + Field(3, other)) + Field(2, other) + Field(3, other) + Field(4, "Host")}) {
    const auto read = ReadModule(bytes);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(Normalized(*read->proto), Normalized(*module->proto));
  }
}

TEST(ReadModule, UnknownFieldsSurvive) {
  std::string bytes = ReadZooFile("mlp", ".hlo.pb.gz");
  bytes += "\xaa\x06\x03xyz";  // field 101, three bytes
  const auto module = ReadModule(bytes);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_TRUE(absl::StrContains(module->proto->SerializeAsString(), "xyz"));
}

TEST(ReadModule, EveryTruncationIsRefusedWithoutACrash) {
  for (const char* suffix : {".hlo.pb.gz", ".hlo.txt.gz"}) {
    const std::string bytes = ReadZooFile("mlp", suffix);
    for (size_t i = 0; i < 64; ++i) {
      const auto module = ReadModule(absl::string_view(bytes).substr(0, bytes.size() * i / 64));
      // A cut between two fields behind the computations leaves a whole module without its alias
      // table.
      const bool is_whole = module.ok() && CountInstructions(*module->proto) == 182;
      EXPECT_TRUE(is_whole || module.status().code() == absl::StatusCode::kInvalidArgument)
          << suffix << " " << i << " " << module.status();
    }
  }
  const std::string zipped = ZooModule("mlp");
  EXPECT_EQ(ReadModule(absl::string_view(zipped).substr(0, zipped.size() / 2)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ReadModule, FlippedBytesNeverCrash) {
  std::mt19937 random(3);
  for (const char* suffix : {".hlo.pb.gz", ".hlo.txt.gz"}) {
    const std::string bytes = ReadZooFile("mlp", suffix);
    for (int trial = 0; trial < 3000; ++trial) {
      std::string broken = bytes;
      for (int i = 0; i < 1 + trial % 3; ++i)
        broken[random() % broken.size()] = static_cast<char>(random());
      (void)ReadModule(broken);
    }
  }
}

std::string Gzip(const std::string& bytes) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = bytes.size();
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = out.size();
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(ReadModule, ABombIsRefusedAtItsLimit) {
  const std::string bomb = Gzip(std::string(64 << 20, 'x'));
  ReadLimits limits;
  limits.max_bytes = 1 << 20;
  EXPECT_EQ(ReadModule(bomb, limits).status().code(), absl::StatusCode::kResourceExhausted);
}

// Two bytes on the wire become an instruction of hundreds of bytes in memory.
TEST(ReadModule, EmptyInstructionsAreCountedBeforeTheyAreParsed) {
  xla::HloModuleProto module;
  auto* computation = module.add_computations();
  for (int i = 0; i < 200'000; ++i) computation->add_instructions();
  ReadLimits limits;
  limits.max_instructions = 100'000;
  const auto by_count = ReadModule(module.SerializeAsString(), limits);
  EXPECT_EQ(by_count.status().code(), absl::StatusCode::kResourceExhausted) << by_count.status();
  limits = {};
  limits.max_memory_bytes = 50 << 20;
  EXPECT_EQ(ReadModule(module.SerializeAsString(), limits).status().code(),
            absl::StatusCode::kResourceExhausted);
}

struct Typo {
  const char* name;
  const char* text;
  const char* expected;
};
constexpr Typo kTypos[] = {
    {"unknown operand", "ENTRY e {\n  a = f32[2] parameter(0)\n  ROOT b = f32[2] negate(c)\n}",
     "3:26: operand \"c\""},
    {"missing bracket", "ENTRY e {\n  a = f32[2 parameter(0)\n}", "2:13"},
    {"unknown computation",
     "ENTRY e {\n  a = f32[] parameter(0)\n  ROOT b = f32[] call(a), to_apply=f\n}",
     "3:36: computation \"f\""},
    {"name twice", "ENTRY e {\n  a = f32[] parameter(0)\n  a = f32[] parameter(1)\n}",
     "3:3: instruction \"a\" again"},
    {"no end", "ENTRY e {\n  a = f32[] parameter(0)\n", "3:1: the end of the text"},
    {"bad labels",
     "ENTRY e {\n  a = f32[1,1,1] parameter(0)\n  ROOT b = f32[1,1,1] convolution(a, a), "
     "window={size=1}, dim_labels=b0x_0io->b0f\n}",
     "3:70"},
    {"bad constant", "ENTRY e {\n  ROOT a = f32[] constant(x)\n}", "2:27"},
    {"not HLO at all", "hello world", "1:7"},
};

TEST(ReadModule, ATypoIsShownByLineAndColumn) {
  for (const Typo& typo : kTypos) {
    const auto module = ReadModule(typo.text);
    EXPECT_EQ(module.status().code(), absl::StatusCode::kInvalidArgument) << typo.name;
    EXPECT_TRUE(absl::StrContains(module.status().message(), typo.expected))
        << typo.name << ": " << module.status();
  }
}

TEST(ReadModule, NestingWithoutEndIsRefused) {
  std::string shape = "f32[]";
  for (int i = 0; i < 5000; ++i) shape = "(" + shape + ")";
  EXPECT_EQ(ReadModule("ENTRY e { ROOT a = " + shape + " parameter(0) }").status().code(),
            absl::StatusCode::kInvalidArgument);
  std::string nested = "a";
  for (int i = 0; i < 5000; ++i) nested = "negate(" + nested + ")";
  EXPECT_EQ(ReadModule("ENTRY e { a = f32[] parameter(0) ROOT b = f32[] " + nested + " }")
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

// XLA loads such a module: unique names, program shapes, layouts of literals, every attribute.
TEST(ReadModule, TextIsCompletedToWhatXlaLoads) {
  const auto module = ReadModule(R"(
add { a = f32[] parameter(0) b = f32[] parameter(1) ROOT c = f32[] add(a, b) }
ENTRY main { a = f32[4,2] parameter(0) s = f32[2] parameter(1) z = f32[] constant(0)
  n = f32[4,2] batch-norm-inference(a, s, s, s, s), epsilon=0.125, feature_index=1
  p = f32[4,2] reduce-precision(n), exponent_bits=5, mantissa_bits=10
  k = f32[2,2] convolution(p, p), dim_labels=fb_io->bf
  ROOT r = f32[2] reduce(k, z), dimensions={0}, to_apply=add })");
  ASSERT_TRUE(module.ok()) << module.status();
  const xla::HloModuleProto& proto = *module->proto;
  EXPECT_EQ(proto.host_program_shape().parameters_size(), 2);
  EXPECT_EQ(proto.host_program_shape().result().dimensions(0), 2);
  std::map<std::string, const xla::HloInstructionProto*> by_name;
  for (const auto& computation : proto.computations()) {
    EXPECT_TRUE(computation.has_program_shape());
    for (const auto& instruction : computation.instructions()) {
      EXPECT_TRUE(by_name.emplace(instruction.name(), &instruction).second) << instruction.name();
    }
  }
  EXPECT_EQ(by_name["n"]->epsilon(), 0.125);
  EXPECT_EQ(by_name["p"]->exponent_bits(), 5);
  EXPECT_TRUE(by_name["k"]->has_window());
  EXPECT_TRUE(by_name["z"]->literal().shape().has_layout());
}

TEST(ReadModule, HandWrittenFormsAreUnderstood) {
  for (const char* text : {
           "ENTRY e { a = f32[2] parameter(0) ROOT b = add(a, negate(a)) }",
           "a = f32[2] parameter(0)\nROOT b = f32[2] add(a, a)",
           "HloModule m\nENTRY %e (p: f32[2]) -> f32[2] {\n  ROOT %add = f32[2]{0} add(f32[2]{0}, "
           "f32[2]{0})\n}",
           "ENTRY e { p = (f32[2], s32[]) parameter(0) ROOT b = f32[2] negate(p#0) }",
           "ENTRY e { a = f32[4] parameter(0) z = f32[] constant(0) ROOT b = f32[] reduce(a, z), "
           "dimensions={0}, to_apply={ x = f32[] parameter(0) y = "
           "f32[] parameter(1) ROOT s = f32[] add(x, y) } }",
           "// a comment\nENTRY e { /* another */ ROOT a = f32[<=8] parameter(0) }",
       }) {
    EXPECT_TRUE(ReadModule(text).ok()) << text << "\n" << ReadModule(text).status();
  }
}

}  // namespace
}  // namespace automap

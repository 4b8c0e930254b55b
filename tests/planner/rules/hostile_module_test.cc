// Modules that are wrong in one place: either the judge refuses them, or everything behind it
// copes.
#include <random>

#include "google/protobuf/arena.h"
#include "gtest/gtest.h"
#include "planner/graph/roles.h"
#include "planner/propagation/linkage_groups.h"
#include "tests/support/hlo_text.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Changes one number, or the length of one list, somewhere in a message. False: there was none.
class Saboteur {
 public:
  explicit Saboteur(uint64_t seed) : random_(seed) {}

  bool Change(Message& message) {
    for (int tries = 0; tries < 20; ++tries) {
      std::vector<const FieldDescriptor*> fields;
      message.GetReflection()->ListFields(message, &fields);
      if (fields.empty()) return false;
      const FieldDescriptor& field = *fields[random_() % fields.size()];
      if (field.is_repeated() ? ChangeList(message, field) : ChangeOne(message, field)) return true;
    }
    return false;
  }

 private:
  int64_t Number() {
    constexpr int64_t kNumbers[] = {-1, 0, 1, 2, 3, 5, 7, 100, int64_t{1} << 40, INT64_MIN};
    return kNumbers[random_() % std::size(kNumbers)];
  }

  bool ChangeList(Message& message, const FieldDescriptor& field) {
    const auto& reflection = *message.GetReflection();
    const int size = reflection.FieldSize(message, &field);
    const int index = static_cast<int>(random_() % static_cast<uint64_t>(size));
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return Change(*reflection.MutableRepeatedMessage(&message, &field, index));
    }
    if (random_() % 4 == 0) return reflection.RemoveLast(&message, &field), true;
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_INT64) return false;
    if (random_() % 4 == 0) return reflection.AddInt64(&message, &field, Number()), true;
    reflection.SetRepeatedInt64(&message, &field, index, Number());
    return true;
  }

  bool ChangeOne(Message& message, const FieldDescriptor& field) {
    const auto& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (random_() % 10 == 0) return reflection.ClearField(&message, &field), true;
        return Change(*reflection.MutableMessage(&message, &field));
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.SetInt64(&message, &field, Number()), true;
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection.SetBool(&message, &field, !reflection.GetBool(message, &field)), true;
      default:
        return false;
    }
  }

  std::mt19937_64 random_;
};

// The whole way from a module to its groups.
void Plan(HloModule module) {
  const auto graph = BuildGraph(std::move(module));
  if (!graph.ok()) return;
  const auto roles = InferRoles(*graph);
  if (!roles.ok()) return;
  const Wiring wiring(*graph, *roles);
  PropagationOptions options;
  for (const Role role : {Role::kVariable, Role::kInput}) {
    FindLinkageGroups(wiring, *roles, role, options);
  }
}

constexpr uint64_t kSeeds = 3000;

TEST(HostileModule, IsRefusedOrPlanned) {
  int refused = 0, planned = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    RandomModule random(seed);
    const Opcode opcode = static_cast<Opcode>(seed % kOpcodeCount);
    random.Add(opcode);
    const auto original = ReadModule(random.Text());
    ASSERT_TRUE(original.ok()) << original.status();
    for (uint64_t change = 0; change < 8; ++change) {
      google::protobuf::Arena arena;
      auto& module = *google::protobuf::Arena::CreateMessage<xla::HloModuleProto>(&arena);
      module.CopyFrom(*original->proto);
      // In the entry computation, where the operation is.
      auto& entry = *module.mutable_computations(module.computations_size() - 1);
      Saboteur saboteur(seed * 100 + change);
      if (!saboteur.Change(*entry.mutable_instructions(
              static_cast<int>((seed + change) % entry.instructions_size())))) {
        continue;
      }
      auto read = ReadModule(module.SerializeAsString());
      read.ok() ? ++planned : ++refused;
      if (read.ok()) Plan(*std::move(read));
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(planned, 1000);
}

}  // namespace
}  // namespace automap

#include "planner/graph/roles.h"

#include <map>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "planner/graph/build_graph.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

Graph GraphOf(const std::string& name) { return *BuildGraph(*ReadModule(ZooModule(name))); }

std::map<int, std::string> TruthOf(const std::string& name) {
  std::map<int, std::string> truth;
  const std::string text = ReadZooFile(name, ".params.json.gz");
  if (text.empty()) return truth;
  const auto json = nlohmann::json::parse(text);
  for (const auto& parameter : json["parameters"]) {
    std::string role = parameter["role"];
    for (char& c : role) c = std::toupper(c);
    truth[parameter["index"]] = role;
  }
  return truth;
}

int Mistakes(const Graph& graph, const Roles& roles, const std::map<int, std::string>& truth) {
  int mistakes = 0;
  for (const auto& [number, role] : truth) mistakes += RoleName(roles.of[number]) != role;
  EXPECT_EQ(graph.parameters().size(), truth.size());
  return mistakes;
}

int Count(const Roles& roles, Role role) {
  return std::count(roles.of.begin(), roles.of.end(), role);
}

// The modules whose training scripts told their parameters.
std::vector<std::string> ModulesWithTruth() {
  std::vector<std::string> names = ZooNames();
  std::erase_if(names, [](const std::string& name) {
    return name == "mlp-jax-0.10" || name == "tf-vgg19" || name == "torch-xla-cnn";
  });
  return names;
}

class RolesOfZoo : public testing::TestWithParam<std::string> {};

TEST_P(RolesOfZoo, EveryParameterIsWhatTheTrainingScriptSays) {
  const auto truth = TruthOf(GetParam());
  ASSERT_FALSE(truth.empty());
  const Graph graph = GraphOf(GetParam());
  EXPECT_EQ(Mistakes(graph, *InferRoles(graph), truth), 0);
}

// Without names only counters that no update reads cannot be told from other state: Keras's SGD
// carries an iteration count and a learning rate that way.
TEST_P(RolesOfZoo, DataflowAloneIsWrongInAtMostTwo) {
  const auto truth = TruthOf(GetParam());
  ASSERT_FALSE(truth.empty());
  HloModule module = *ReadModule(ZooModule(GetParam()));
  xla::HloModuleProto bare = *module.proto;
  for (auto& computation : *bare.mutable_computations()) {
    for (auto& instruction : *computation.mutable_instructions()) instruction.clear_metadata();
  }
  const Graph graph = *BuildGraph(*ReadModule(bare.SerializeAsString()));
  const int mistakes = Mistakes(graph, *InferRoles(graph, {}, {.use_names = false}), truth);
  RecordProperty("mistakes", mistakes);
  EXPECT_LE(mistakes, 2);
}

INSTANTIATE_TEST_SUITE_P(Zoo, RolesOfZoo, testing::ValuesIn(ModulesWithTruth()),
                         [](const auto& test) { return TestName(test.param); });

TEST(Roles, TensorflowModuleWithoutNamesHasAllVariables) {
  const Graph graph = GraphOf("tf-vgg19");
  const Roles roles = *InferRoles(graph);
  EXPECT_EQ(Count(roles, Role::kVariable), 38);
  EXPECT_EQ(Count(roles, Role::kInput), 2);
}

TEST(Roles, PytorchModuleWithoutAliasesHasAllVariables) {
  const Graph graph = GraphOf("torch-xla-cnn");
  EXPECT_EQ(Count(*InferRoles(graph), Role::kVariable), 10);
}

TEST(Roles, GivenRoleWins) {
  const Graph graph = GraphOf("mlp");
  const Roles roles = *InferRoles(graph, {{4, Role::kConstant, "fixed", std::nullopt}});
  EXPECT_EQ(roles.of[4], Role::kConstant);
  EXPECT_EQ(roles.names[4], "fixed");
  EXPECT_EQ(roles.reason[4], "given");
}

TEST(Roles, GivenRoleForAMissingParameterIsRefusedWithItsPath) {
  const Graph graph = GraphOf("mlp");
  const auto roles = InferRoles(graph, {{99, Role::kVariable, "", std::nullopt}});
  EXPECT_EQ(roles.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(roles.status().message().find("roles[0].index: 99"), absl::string_view::npos);
}

TEST(Roles, GivenUpdateOfAnotherShapeIsRefused) {
  const Graph graph = GraphOf("mlp");
  const auto roles = InferRoles(graph, {{0, Role::kVariable, "", 1}});
  EXPECT_NE(roles.status().message().find("roles[0].updated_by"), absl::string_view::npos);
}

}  // namespace
}  // namespace automap

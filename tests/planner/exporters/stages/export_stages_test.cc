#include "planner/exporters/stages/export_stages.h"

#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "planner/explore/pipeline/describe_pipeline.h"
#include "planner/hlo/read_module.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

using nlohmann::json;

// Even cuts of the module into stages of one device.
v1::Plan EvenPlan(const PreparedModule& module, int32_t stages) {
  const v1::Cluster cluster_proto = *ClusterPreset(absl::StrCat("v100x", stages, "x1-25gbps"));
  const Cluster cluster = *ClusterFromProto(cluster_proto);
  const LayerChain chain = *ChainOfModule(module, cluster, 1);
  const PipelineProblem problem(chain, cluster, {stages, 1, true});
  return *DescribePipelinePlan(&module, "", cluster_proto, problem, EvenCuts(problem), {});
}

struct Program {
  HloModule module;
  json entry;  // of the manifest
  const ComputationIndex& computation() const {
    return module.index.computations[module.index.entry];
  }
};

std::string ShapeText(const xla::ShapeProto& shape) {
  std::string dims;
  for (const int64_t size : shape.dimensions())
    dims += (dims.empty() ? "" : ",") + std::to_string(size);
  return absl::AsciiStrToLower(xla::PrimitiveType_Name(shape.element_type())) + "[" + dims + "]";
}

class StagesOfZoo : public testing::TestWithParam<std::pair<std::string, int32_t>> {
 protected:
  void SetUp() override {
    auto files = ExportStages(*module_, EvenPlan(*module_, stages_));
    ASSERT_TRUE(files.ok()) << files.status();
    files_ = *std::move(files);
    ASSERT_EQ(files_.back().name, "manifest.json");
    manifest_ = json::parse(files_.back().bytes);
    for (size_t p = 0; p + 1 < files_.size(); ++p) {
      auto module = ReadModule(files_[p].bytes);
      ASSERT_TRUE(module.ok()) << files_[p].name << ": " << module.status();
      programs_.push_back({*std::move(module), manifest_["programs"][p]});
      ASSERT_EQ(manifest_["programs"][p]["file"], files_[p].name);
    }
  }

  const std::unique_ptr<const PreparedModule> module_ = PrepareZoo(GetParam().first);
  const int32_t stages_ = GetParam().second;
  std::vector<ExportedFile> files_;
  json manifest_;
  std::vector<Program> programs_;
};

// The shape that the manifest's source has where it is made.
std::string SourceShape(const json& source, const std::vector<Program>& programs,
                        const Graph& graph) {
  if (source.contains("program")) {
    const ComputationIndex& from = programs[source["program"]].computation();
    const xla::ShapeProto& results = from.instruction(from.root).shape();
    const bool is_alone = results.element_type() != xla::TUPLE;
    return ShapeText(is_alone ? results : results.tuple_shapes(source["result"]));
  }
  for (const Leaf& leaf : graph.parameters()) {
    if (leaf.number != source["parameterNumber"]) continue;
    if (leaf.leaf_index != source.value("parameterLeaf", -1)) continue;
    xla::ShapeProto shape;
    shape.set_element_type(static_cast<xla::PrimitiveType>(graph.tensor(leaf.tensor).type));
    for (const int64_t size : graph.tensor(leaf.tensor).shape()) shape.add_dimensions(size);
    return ShapeText(shape);
  }
  return "";
}

TEST_P(StagesOfZoo, EveryParameterIsFedByAnEarlierProgramWithItsShape) {
  for (size_t p = 0; p < programs_.size(); ++p) {
    const ComputationIndex& entry = programs_[p].computation();
    const json& parameters = programs_[p].entry["parameters"];
    ASSERT_EQ(parameters.size(), entry.parameters.size());
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (parameters[i].contains("program")) {
        EXPECT_LT(parameters[i]["program"].get<size_t>(), p);
      }
      const std::string shape = ShapeText(entry.instruction(entry.parameters[i]).shape());
      EXPECT_EQ(shape, parameters[i]["shape"]);
      EXPECT_EQ(shape, SourceShape(parameters[i], programs_, module_->graph()));
    }
  }
}

TEST_P(StagesOfZoo, TheProgramsGoForwardBackAndThenUpdate) {
  std::vector<std::pair<std::string, int>> order;
  for (const Program& program : programs_)
    order.emplace_back(program.entry["phase"], program.entry["stage"]);
  for (int32_t s = 0; s < stages_; ++s) {
    EXPECT_EQ(order[s], std::make_pair(std::string("forward"), s));
    EXPECT_THAT(order, testing::Contains(std::make_pair(std::string("backward"), s)));
    EXPECT_THAT(order, testing::Contains(std::make_pair(std::string("update"), s)));
  }
}

TEST_P(StagesOfZoo, EveryOutputOfTheStepIsThereWithItsShape) {
  const auto& outputs = module_->graph().outputs();
  ASSERT_EQ(manifest_["outputs"].size(), outputs.size());
  for (size_t o = 0; o < outputs.size(); ++o) {
    EXPECT_EQ(manifest_["outputs"][o]["outputNumber"], outputs[o].number);
    xla::ShapeProto shape;
    const Tensor& tensor = module_->graph().tensor(outputs[o].tensor);
    shape.set_element_type(static_cast<xla::PrimitiveType>(tensor.type));
    for (const int64_t size : tensor.shape()) shape.add_dimensions(size);
    EXPECT_EQ(SourceShape(manifest_["outputs"][o], programs_, module_->graph()), ShapeText(shape));
  }
}

// Heavy operations are in exactly one program.
TEST_P(StagesOfZoo, NoContractionIsDoneTwiceOrLost) {
  int64_t parts = 0, whole = 0;
  const auto is_heavy = [](Opcode opcode) {
    return opcode == Opcode::kDot || opcode == Opcode::kConvolution;
  };
  for (NodeId node = 0; node < module_->graph().node_count(); ++node) {
    const Node& of = module_->graph().node(node);
    if (of.is_live && is_heavy(of.opcode)) ++whole;
  }
  for (const Program& program : programs_) {
    HloModule copy = program.module;
    const Graph graph = *BuildGraph(std::move(copy));
    for (NodeId node = 0; node < graph.node_count(); ++node)
      parts += graph.node(node).is_live && is_heavy(graph.node(node).opcode);
  }
  EXPECT_EQ(parts, whole);
}

TEST_P(StagesOfZoo, DeclaredAliasesAreKeptOncePerParameter) {
  std::multiset<int64_t> kept;
  int64_t in_manifest = 0;
  for (const Program& program : programs_) {
    in_manifest += program.entry["aliases"].size();
    for (const auto& alias : program.module.proto->input_output_alias().entries())
      kept.insert(
          program.entry["parameters"][alias.parameter_number()]["parameterNumber"].get<int64_t>());
  }
  EXPECT_EQ(static_cast<int64_t>(kept.size()), in_manifest);
  int64_t declared = 0;
  for (size_t o = 0; o < module_->graph().outputs().size(); ++o) {
    const int32_t parameter = module_->graph().declared_aliases()[o];
    if (parameter < 0) continue;
    ++declared;
    EXPECT_LE(kept.count(module_->graph().parameters()[parameter].number), 1u);
  }
  EXPECT_LE(static_cast<int64_t>(kept.size()), declared);
  EXPECT_GE(static_cast<int64_t>(kept.size()), declared * 9 / 10);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, StagesOfZoo,
    testing::Values(std::make_pair("mlp", 2), std::make_pair("vgg19", 3),
                    std::make_pair("torch-xla-cnn", 2), std::make_pair("tf-vgg19", 2),
                    std::make_pair("resnet50", 4), std::make_pair("scan-lm-7b", 2),
                    std::make_pair("t5-small-dropout", 3), std::make_pair("t5-base-paper", 4)),
    [](const auto& test) {
      return absl::StrCat(TestName(test.param.first), "In", test.param.second);
    });

TEST(ExportStages, RefusesAPlanWithoutStagesAndCutsThatAreNone) {
  const auto module = PrepareZoo("mlp");
  v1::Plan plan = EvenPlan(*module, 2);
  plan.mutable_stages(0)->set_cut_after("main/no.1");
  const auto no_cut = ExportStages(*module, plan);
  EXPECT_EQ(no_cut.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(no_cut.status().message().find("stages[0].cut_after"), std::string::npos);
  plan.clear_stages();
  EXPECT_EQ(ExportStages(*module, plan).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace automap

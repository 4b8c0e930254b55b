#include "planner/hlo/check_module.h"

#include <functional>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "planner/hlo/read_module.h"

namespace automap {
namespace {

// A module that has one of everything that a case below breaks. Ids: 1 ... in order of the lines.
constexpr char kGood[] = R"(HloModule m, input_output_alias={ {0}: (0, {}, must-alias) }
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
  neg = f32[4,8] negate(bro)
  tra = f32[8,4] transpose(neg), dimensions={1,0}
  res = f32[32] reshape(tra)
  sli = f32[4] slice(res), slice={[0:4]}
  con = f32[8] concatenate(sli, sli), dimensions={0}
  pad = f32[10] pad(con, zero), padding=1_1
  i = s32[] constant(1)
  tup = (f32[4,8], s32[]) tuple(neg, i)
  whi = (f32[4,8], s32[]) while(tup), condition=cond, body=body
  get = f32[4,8] get-tuple-element(whi), index=0
  row = s32[2] constant({0, 1})
  gat = f32[2,8] gather(p0, row), offset_dims={1}, collapsed_slice_dims={0}, start_index_map={0}, index_vector_dim=1, slice_sizes={1,8}
  sca = f32[4,8] scatter(p0, row, gat), update_window_dims={1}, inserted_window_dims={0}, scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=add
  bar = f32[4,8] opt-barrier(p0)
  dom = f32[4,8] domain(p0)
  bit = f32[8,4]{1,0} bitcast(neg)
  exp = f32[2,8,2] broadcast(p1), dimensions={1,2}
  rag = f32[4,2] ragged-dot(p0, exp, row), lhs_contracting_dims={1}, rhs_contracting_dims={1}, lhs_ragged_dims={0}, rhs_group_dims={0}
  ROOT out = (f32[4,8], f32[10]) tuple(get, pad)
})";

struct Breakage {
  const char* name;
  std::function<void(xla::HloModuleProto&)> spoil;
  const char* expected;
};

xla::HloInstructionProto& Find(xla::HloModuleProto& module, const std::string& name) {
  for (auto& computation : *module.mutable_computations()) {
    for (auto& instruction : *computation.mutable_instructions()) {
      if (instruction.name() == name) return instruction;
    }
  }
  ADD_FAILURE() << name;
  return *module.mutable_computations(0)->mutable_instructions(0);
}

const Breakage kBreakages[] = {
    {"gather map",
     [](auto& m) { Find(m, "gat").mutable_gather_dimension_numbers()->set_start_index_map(0, 7); },
     "gather_dimension_numbers.start_index_map[0]: 7, must be in 0..1"},
    {"scatter map",
     [](auto& m) {
       Find(m, "sca").mutable_scatter_dimension_numbers()->set_scatter_dims_to_operand_dims(0, -1);
     },
     "scatter_dimension_numbers.scatter_dims_to_operand_dims[0]: -1, must be in 0..1"},
    {"barrier shape", [](auto& m) { Find(m, "bar").mutable_shape()->set_dimensions(0, 5); },
     "shape: must be the operand's"},
    {"domain shape", [](auto& m) { *Find(m, "dom").mutable_shape() = Find(m, "out").shape(); },
     "shape: must be the operand's"},
    {"bitcast layout",
     [](auto& m) { Find(m, "bit").mutable_shape()->mutable_layout()->set_minor_to_major(0, 9); },
     "shape.layout.minor_to_major[0]: 9, must be in 0..1"},
    {"ragged group",
     [](auto& m) {
       Find(m, "rag").mutable_ragged_dot_dimension_numbers()->set_rhs_group_dimensions(0, 1);
     },
     "rhs_group_dimensions: must be neither batch nor contracted"},
    {"no computations", [](auto& m) { m.clear_computations(); }, "computations: none"},
    {"entry", [](auto& m) { m.set_entry_computation_id(99); }, "entry_computation_id: 99"},
    {"computation id twice",
     [](auto& m) { m.mutable_computations(1)->set_id(m.computations(0).id()); },
     "computations[1].id"},
    {"empty computation", [](auto& m) { m.mutable_computations(0)->clear_instructions(); },
     "computations[0].instructions: none"},
    {"root", [](auto& m) { m.mutable_computations(3)->set_root_id(999); },
     "computations[3].root_id: 999"},
    {"dangling operand", [](auto& m) { Find(m, "dot").set_operand_ids(1, 77); },
     "computations[3].instructions[2].operand_ids[1]: 77, must be the id of an earlier"},
    {"operand of itself", [](auto& m) { Find(m, "neg").set_operand_ids(0, Find(m, "neg").id()); },
     "computations[3].instructions[6].operand_ids[0]"},
    {"later operand", [](auto& m) { Find(m, "neg").set_operand_ids(0, Find(m, "tra").id()); },
     "computations[3].instructions[6].operand_ids[0]"},
    {"id twice", [](auto& m) { Find(m, "p1").set_id(Find(m, "p0").id()); },
     "computations[3].instructions[1].id"},
    {"no name", [](auto& m) { Find(m, "neg").clear_name(); },
     "computations[3].instructions[6].name: missing"},
    {"no opcode", [](auto& m) { Find(m, "neg").clear_opcode(); },
     "computations[3].instructions[6].opcode: missing"},
    {"no shape", [](auto& m) { Find(m, "neg").clear_shape(); },
     "computations[3].instructions[6].shape: missing"},
    {"element type", [](auto& m) { Find(m, "neg").mutable_shape()->clear_element_type(); },
     "shape.element_type"},
    {"negative size", [](auto& m) { Find(m, "p0").mutable_shape()->set_dimensions(0, -4); },
     "computations[3].instructions[0].shape.dimensions[0]: -4"},
    {"huge size", [](auto& m) { Find(m, "p0").mutable_shape()->set_dimensions(0, INT64_MAX); },
     "shape.dimensions[0]"},
    {"overflowing product",
     [](auto& m) {
       for (int i = 0; i < 5; ++i) Find(m, "p0").mutable_shape()->add_dimensions(1 << 20);
     },
     "2^53 elements"},
    {"rank",
     [](auto& m) {
       for (int i = 0; i < 40; ++i) Find(m, "p0").mutable_shape()->add_dimensions(1);
     },
     "at most 32"},
    {"arity", [](auto& m) { Find(m, "neg").add_operand_ids(Find(m, "bro").id()); },
     "operand_ids: 2 of them"},
    {"element-wise shape", [](auto& m) { Find(m, "neg").mutable_shape()->set_dimensions(0, 5); },
     "instructions[6].shape: [5,8]"},
    {"dot numbers",
     [](auto& m) {
       Find(m, "dot").mutable_dot_dimension_numbers()->set_lhs_contracting_dimensions(0, 7);
     },
     "dot_dimension_numbers.lhs[0]: 7"},
    {"dot sizes",
     [](auto& m) {
       Find(m, "dot").mutable_dot_dimension_numbers()->set_lhs_contracting_dimensions(0, 0);
     },
     "pairs size 4 with 8"},
    {"dot result", [](auto& m) { Find(m, "dot").mutable_shape()->set_dimensions(1, 3); },
     "instructions[2].shape: [4,3], must be [4,2]"},
    {"reduce dims", [](auto& m) { Find(m, "red").set_dimensions(0, 2); }, "dimensions[0]: 2"},
    {"reduce without reducer", [](auto& m) { Find(m, "red").clear_called_computation_ids(); },
     "called_computation_ids"},
    {"broadcast dims", [](auto& m) { Find(m, "bro").set_dimensions(0, 1); },
     "instructions[5].shape"},
    {"transpose dims", [](auto& m) { Find(m, "tra").set_dimensions(0, 0); },
     "dimensions[1]: 0, must not repeat"},
    {"reshape elements", [](auto& m) { Find(m, "res").mutable_shape()->set_dimensions(0, 33); },
     "as many elements"},
    {"slice limit", [](auto& m) { Find(m, "sli").mutable_slice_dimensions(0)->set_limit(40); },
     "slice_dimensions[0]"},
    {"concatenate dims", [](auto& m) { Find(m, "con").set_dimensions(0, 3); }, "dimensions[0]: 3"},
    {"pad config", [](auto& m) { Find(m, "pad").mutable_padding_config()->add_dimensions(); },
     "padding_config.dimensions"},
    {"tuple index", [](auto& m) { Find(m, "get").set_tuple_index(5); }, "tuple_index: 5"},
    {"tuple shape",
     [](auto& m) { Find(m, "tup").mutable_shape()->mutable_tuple_shapes(0)->set_dimensions(0, 9); },
     "shape.tuple_shapes[0]"},
    {"parameter gap", [](auto& m) { Find(m, "p1").set_parameter_number(2); },
     "parameter 1 is missing"},
    {"parameter twice", [](auto& m) { Find(m, "p1").set_parameter_number(0); },
     "parameter_number: 0, must be unique"},
    {"unknown callee", [](auto& m) { Find(m, "red").set_called_computation_ids(0, 55); },
     "computations[3].instructions[4].called_computation_ids[0]: 55"},
    {"call in a circle",
     [](auto& m) { Find(m, "s").add_called_computation_ids(m.computations(3).id()); },
     "which calls it in turn"},
    {"loop condition", [](auto& m) { Find(m, "t").mutable_shape()->set_element_type(xla::S32); },
     "the condition must return pred[]"},
    {"loop signature",
     [](auto& m) { Find(m, "b").mutable_shape()->mutable_tuple_shapes(0)->set_dimensions(0, 9); },
     "parameter 0 has another shape"},
    {"alias parameter",
     [](auto& m) { m.mutable_input_output_alias()->mutable_entries(0)->set_parameter_number(9); },
     "input_output_alias.entries[0].parameter_number: 9"},
    {"alias output",
     [](auto& m) {
       m.mutable_input_output_alias()->mutable_entries(0)->set_output_shape_index(0, 9);
     },
     "input_output_alias.entries[0].output_shape_index"},
    {"alias shapes",
     [](auto& m) {
       m.mutable_input_output_alias()->mutable_entries(0)->set_output_shape_index(0, 1);
     },
     "joins two shapes"},
};

TEST(CheckModule, AcceptsAGoodModule) {
  const auto module = ReadModule(kGood);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_TRUE(CheckModule(*module->proto).ok());
}

TEST(CheckModule, NamesThePathOfEveryMistake) {
  const auto module = ReadModule(kGood);
  ASSERT_TRUE(module.ok());
  for (const Breakage& breakage : kBreakages) {
    xla::HloModuleProto broken = *module->proto;
    breakage.spoil(broken);
    const absl::Status status = CheckModule(broken).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << breakage.name;
    EXPECT_TRUE(absl::StrContains(status.message(), breakage.expected))
        << breakage.name << ": " << status;
  }
}

}  // namespace
}  // namespace automap

#include "planner/rules/catalog.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/hlo_text.h"

namespace automap {
namespace {

// Writes a rule as letters: one per dim, operands with commas, then the results. Factors are a, b,
// ... in the order of their first dim; a capital one is summed, ~ marks a halo, # a whole dim, . a
// scalar.
std::string Text(const Graph& graph, NodeId node) {
  const FactorRule rule = RuleFor(graph, node);
  std::vector<int> order(rule.factors.size(), -1);
  int next = 0;
  size_t position = 0;
  const auto slot = [&](TensorId tensor) {
    std::string text;
    for (int dim = 0; dim < graph.tensor(tensor).rank; ++dim) {
      const int16_t factor = rule.dims[position++];
      if (factor == kWhole) {
        text += '#';
        continue;
      }
      if (order[factor] < 0) order[factor] = next++;
      const char letter = static_cast<char>(
          (rule.factors[factor].kind == FactorKind::kSum ? 'A' : 'a') + order[factor]);
      text += letter;
      if (rule.factors[factor].kind == FactorKind::kHalo) text += '~';
    }
    return text.empty() ? std::string(".") : text;
  };
  std::string text;
  for (const TensorId operand : graph.operands(node))
    absl::StrAppend(&text, text.empty() ? "" : ",", slot(operand));
  text += "->";
  bool first = true;
  for (const TensorId result : graph.results(node)) {
    absl::StrAppend(&text, first ? "" : ",", slot(result));
    first = false;
  }
  return text;
}

struct Row {
  const char* name;
  const char* parameters;   // shapes of p0, p1, ...
  const char* instruction;  // the operation under test
  const char* expected;
};

constexpr char kReducers[] = R"(
add { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] add(x, y) }
sub { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] subtract(x, y) }
ge { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = pred[] compare(x, y), direction=GE }
)";

const Row kRows[] = {
    {"AddIsIdentity", "f32[4,8] f32[4,8]", "f32[4,8] add(p0, p1)", "ab,ab->ab"},
    {"SizeOneCarriesNothing", "f32[1,8]", "f32[1,8] negate(p0)", "#a->#a"},
    {"SelectIgnoresAScalarPredicate", "pred[] f32[4] f32[4]", "f32[4] select(p0, p1, p2)",
     ".,a,a->a"},
    {"ClampIgnoresScalarBounds", "f32[] f32[4] f32[]", "f32[4] clamp(p0, p1, p2)", ".,a,.->a"},
    {"CompareKeepsDims", "f32[4] f32[4]", "pred[4] compare(p0, p1), direction=LT", "a,a->a"},
    {"ConvertKeepsDims", "f32[4,2]", "bf16[4,2] convert(p0)", "ab->ab"},
    {"BitcastConvertKeepsLeadingDims", "u32[4,2]", "u8[4,2,4] bitcast-convert(p0)", "ab->ab#"},
    {"BroadcastMapsDimsAndNewOnesAreFree", "f32[3,8]", "f32[3,2,8] broadcast(p0), dimensions={0,2}",
     "ab->a#b"},
    {"TransposePermutes", "f32[2,3,4]", "f32[4,2,3] transpose(p0), dimensions={2,0,1}", "abc->cab"},
    {"ReshapeMergeKeepsTheMajorDim", "f32[4,6]", "f32[24] reshape(p0)", "a#->a"},
    {"ReshapeSplitKeepsTheMajorDim", "f32[24]", "f32[4,6] reshape(p0)", "a->a#"},
    {"ReshapeHeads", "f32[8,768]", "f32[8,12,64] reshape(p0)", "ab->ab#"},
    {"ReshapeSkipsSizeOne", "f32[4,1,6]", "f32[1,4,6] reshape(p0)", "a#b->#ab"},
    {"ReshapeSequenceFirstLosesTheBatch", "f32[3,4,5]", "f32[12,5] reshape(p0)", "a#b->ab"},
    {"ReverseIsAHaloWhereReversed", "f32[4,6]", "f32[4,6] reverse(p0), dimensions={1}", "ab~->a#"},
    {"SliceIsAHaloWhereCut", "f32[4,6]", "f32[4,3] slice(p0), slice={[0:4], [0:3]}", "ab~->a#"},
    {"PadIsAHaloWherePadded", "f32[4,6] f32[]", "f32[4,8] pad(p0, p1), padding=0_0x1_1",
     "ab~,.->a#"},
    {"ConcatenateNeedsItsDimWhole", "f32[4,6] f32[4,2]",
     "f32[4,8] concatenate(p0, p1), dimensions={1}", "a#,a#->a#"},
    {"DynamicSliceNeedsItsDimWhole", "f32[4,6] s32[] s32[]",
     "f32[1,6] dynamic-slice(p0, p1, p2), dynamic_slice_sizes={1,6}", "#a,.,.->#a"},
    {"DynamicUpdateSliceMasks", "f32[4,6] f32[1,6] s32[] s32[]",
     "f32[4,6] dynamic-update-slice(p0, p1, p2, p3)", "ab,#b,.,.->ab"},
    {"DotHasBatchFreeAndContractedFactors", "f32[2,4,8] f32[2,8,6]",
     "f32[2,4,6] dot(p0, p1), lhs_batch_dims={0}, rhs_batch_dims={0}, lhs_contracting_dims={2}, "
     "rhs_contracting_dims={1}",
     "abC,aCd->abd"},
    {"ReduceSumsReducedDims", "f32[4,6]", "f32[6] reduce(p0, zero), dimensions={0}, to_apply=add",
     "Ab,.->b"},
    {"ReduceFromAnotherInitialValueNeedsTheDimWhole", "f32[4,6]",
     "f32[6] reduce(p0, one), dimensions={0}, to_apply=add", "#a,.->a"},
    {"ReduceByNoMonoidNeedsTheDimWhole", "f32[4,6]",
     "f32[6] reduce(p0, zero), dimensions={0}, to_apply=sub", "#a,.->a"},
    {"ReduceWindowIsAHaloWhereWindowed", "f32[4,8]",
     "f32[4,4] reduce-window(p0, zero), window={size=1x2 stride=1x2}, to_apply=add", "ab~,.->a#"},
    {"CumulativeSumNeedsItsDimWhole", "f32[4,8]",
     "f32[4,8] reduce-window(p0, zero), window={size=1x8 pad=0_0x7_0}, to_apply=add", "a#,.->a#"},
    {"SelectAndScatterIsAHaloWhereWindowed", "f32[4,8] f32[4,4]",
     "f32[4,8] select-and-scatter(p0, p1, zero), window={size=1x2 stride=1x2}, select=ge, "
     "scatter=add",
     "ab~,ac~,.->a#"},
    {"SortNeedsItsDimWhole", "f32[4,8]", "f32[4,8] sort(p0), dimensions={1}, to_apply=ge",
     "a#->a#"},
    {"ForwardConvolution", "f32[8,32,32,4] f32[3,3,4,16]",
     "f32[8,32,32,16] convolution(p0, p1), window={size=3x3 pad=1_1x1_1}, "
     "dim_labels=b01f_01io->b01f",
     "ab~c~D,e~f~Dg->a##g"},
    {"OneByOneConvolutionHasNoHalo", "f32[8,32,32,4] f32[1,1,4,16]",
     "f32[8,32,32,16] convolution(p0, p1), window={size=1x1}, dim_labels=b01f_01io->b01f",
     "abcD,##De->abce"},
    {"WeightGradientSumsTheBatch", "f32[8,32,32,4] f32[8,32,32,16]",
     "f32[3,3,4,16] convolution(p0, p1), window={size=32x32 pad=1_1x1_1}, "
     "dim_labels=f01b_i01o->01bf",
     "Ab~c~d,Ae~f~g->##dg"},
    {"DepthwiseConvolutionSplitsGroups", "f32[8,32,32,4] f32[3,3,1,4]",
     "f32[8,32,32,4] convolution(p0, p1), window={size=3x3 pad=1_1x1_1}, "
     "dim_labels=b01f_01io->b01f, feature_group_count=4",
     "ab~c~d,e~f~#d->a##d"},
    {"EmbeddingLookupSumsRows", "f32[100,16] s32[8,5,1]",
     "f32[8,5,16] gather(p0, p1), offset_dims={2}, collapsed_slice_dims={0}, start_index_map={0}, "
     "index_vector_dim=2, slice_sizes={1,16}",
     "Ab,cd#->cdb"},
    {"GatherWithBatchingDimsTiesThem", "f32[8,5,32] s32[8,5,1,1]",
     "f32[8,5,1] gather(p0, p1), offset_dims={}, collapsed_slice_dims={2}, start_index_map={2}, "
     "operand_batching_dims={0,1}, "
     "start_indices_batching_dims={0,1}, index_vector_dim=3, slice_sizes={1,1,1}",
     "abC,ab##->ab#"},
    {"EmbeddingGradientSumsTheBatch", "f32[100,16] s32[8,5,1] f32[8,5,16]",
     "f32[100,16] scatter(p0, p1, p2), update_window_dims={2}, inserted_window_dims={0}, "
     "scatter_dims_to_operand_dims={0}, index_vector_dim=2, to_apply=add",
     "ab,CD#,CDb->ab"},
    {"BatchNormTrainingSumsStatistics", "f32[8,4,6] f32[6] f32[6]",
     "(f32[8,4,6], f32[6], f32[6]) batch-norm-training(p0, p1, p2), epsilon=0.001, feature_index=2",
     "ABc,c,c->ABc,c,c"},
    {"BatchNormInferenceSumsNothing", "f32[8,6] f32[6] f32[6] f32[6] f32[6]",
     "f32[8,6] batch-norm-inference(p0, p1, p2, p3, p4), epsilon=0.001, feature_index=1",
     "ab,b,b,b,b->ab"},
    {"CholeskyKeepsBatch", "f32[2,4,4]", "f32[2,4,4] cholesky(p0), lower=true", "a##->a##"},
    {"TriangularSolveKeepsRightHandSides", "f32[2,4,4] f32[2,4,6]",
     "f32[2,4,6] triangular-solve(p0, p1), left_side=true", "a##,a#b->a#b"},
    {"FftKeepsBatch", "c64[2,4]", "c64[2,4] fft(p0), fft_type=FFT, fft_length={4}", "a#->a#"},
    {"TopKNeedsTheLastDimWhole", "f32[4,8]", "(f32[4,2], s32[4,2]) topk(p0), k=2, largest=true",
     "a#->a#,a#"},
    {"ATensorOfDynamicSizeIsNeverSplit", "f32[<=4,6]", "f32[<=4,6] negate(p0)", "##->##"},
    {"RngBitGeneratorIsWhole", "u64[2]",
     "(u64[2], u32[8]) rng-bit-generator(p0), algorithm=rng_default", "#->#,#"},
    {"UnknownCustomCallIsWhole", "f32[4]", "f32[4] custom-call(p0), custom_call_target=\"mystery\"",
     "#->#"},
    {"ReservedOpcodeIsWhole", "f32[4]", "f32[4] no-such-opcode(p0)", "#->#"},
};

class Rules : public testing::TestWithParam<Row> {};

TEST_P(Rules, AreAsWritten) {
  std::string text = kReducers;
  text += "ENTRY main {\n  zero = f32[] constant(0)\n  one = f32[] constant(1)\n";
  int number = 0;
  std::istringstream shapes(GetParam().parameters);
  for (std::string shape; shapes >> shape; ++number)
    absl::StrAppend(&text, "  p", number, " = ", shape, " parameter(", number, ")\n");
  absl::StrAppend(&text, "  ROOT it = ", GetParam().instruction, "\n}");
  const Graph graph = GraphFromText(text);
  EXPECT_EQ(Text(graph, graph.node_count() - 1), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Catalog, Rules, testing::ValuesIn(kRows),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(IsUnsupported, TellsOperationsWithoutARule) {
  const Graph graph = GraphFromText(
      "ENTRY e { a = f32[4] parameter(0) b = f32[4] negate(a) ROOT c = f32[4] no-such-opcode(b) }");
  EXPECT_FALSE(IsUnsupported(graph, 0));
  EXPECT_TRUE(IsUnsupported(graph, 1));
}

}  // namespace
}  // namespace automap

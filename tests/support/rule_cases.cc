#include "tests/support/rule_cases.h"

#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace automap {
namespace {

constexpr char kComputations[] = R"(
add { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] add(x, y) }
sub { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] subtract(x, y) }
max { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] maximum(x, y) }
argmax { x = f32[] parameter(0)
  i = s32[] parameter(1)
  y = f32[] parameter(2)
  j = s32[] parameter(3)
  c = pred[] compare(x, y), direction=GE
  v = f32[] select(c, x, y)
  k = s32[] select(c, i, j)
  ROOT t = (f32[], s32[]) tuple(v, k) }
ge2 { x = f32[] parameter(0)
  y = f32[] parameter(1)
  i = s32[] parameter(2)
  j = s32[] parameter(3)
  ROOT s = pred[] compare(x, y), direction=GE }
ge { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = pred[] compare(x, y), direction=GE }
negated { x = f32[] parameter(0)
  ROOT s = f32[] negate(x) }
running { x = f32[4] parameter(0)
  c = f32[4] parameter(1)
  s = f32[4] add(x, c)
  ROOT t = (f32[4], f32[4]) tuple(s, s) }
called_add { x = f32[] parameter(0)
  y = f32[] parameter(1)
  ROOT s = f32[] call(y, x), to_apply=add }
)";

const RuleCase kCases[] = {
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
    {"MapIsElementwise", "f32[4,8] f32[4,8]",
     "f32[4,8] map(p0, p1), dimensions={0,1}, to_apply=add", "ab,ab->ab"},
    {"ReducePrecisionKeepsDims", "f32[4,8]",
     "f32[4,8] reduce-precision(p0), exponent_bits=5, mantissa_bits=10", "ab->ab"},
    {"ConditionallyCopied", "f32[4,8]", "f32[4,8] copy(p0)", "ab->ab"},
    {"BitcastInMemoryOrderIsAReshape", "f32[4,6]", "f32[24] bitcast(p0)", "a#->a"},
    {"BitcastOfAnotherLayoutIsATranspose", "f32[4,6]{0,1}", "f32[6,4]{1,0} bitcast(p0)", "ab->ba"},
    {"SetDimensionSizeNeedsItsDimWhole", "f32[4,6] s32[]",
     "f32[4,<=6] set-dimension-size(p0, p1), dimensions={1}", "##,.->##"},
    {"GetDimensionSizeIsAScalar", "f32[4,6]", "s32[] get-dimension-size(p0), dimensions={1}",
     "a#->."},
    {"RngIsFree", "f32[] f32[]", "f32[4,6] rng(p0, p1), distribution=rng_uniform", ".,.->##"},
    {"GatherOfEachRowsOwnPlace", "f32[8,32] s32[8,1]",
     "f32[8] gather(p0, rows_and_p1), offset_dims={}, collapsed_slice_dims={0,1}, "
     "start_index_map={0,1}, index_vector_dim=1, slice_sizes={1,1}",
     "aB,a#->a"},
    {"GatherOfEachRowsOwnPlaceWrappedAround", "f32[8,32] s32[8,1]",
     "f32[8] gather(p0, wrapped_and_p1), offset_dims={}, collapsed_slice_dims={0,1}, "
     "start_index_map={0,1}, index_vector_dim=1, slice_sizes={1,1}",
     "aB,a#->a"},
    {"GatherOfWholeSlicesIsNotTiedByItsIndices", "f32[8,4] s32[8,1]",
     "f32[8,8,4] gather(p0, rows), offset_dims={1,2}, collapsed_slice_dims={}, "
     "start_index_map={0}, index_vector_dim=1, slice_sizes={8,4}",
     "ab,c#->cab"},
    {"ScatterToEachRowsOwnPlace", "f32[8,32] s32[8,1] f32[8]",
     "f32[8,32] scatter(p0, rows_and_p1, p2), update_window_dims={}, inserted_window_dims={0,1}, "
     "scatter_dims_to_operand_dims={0,1}, index_vector_dim=1, to_apply=add",
     "ab,a#,a->ab"},
    {"ScatterWithBatchingDimsTiesThem", "f32[8,16] s32[8,5,1] f32[8,5]",
     "f32[8,16] scatter(p0, p1, p2), update_window_dims={}, inserted_window_dims={1}, "
     "scatter_dims_to_operand_dims={1}, input_batching_dims={0}, "
     "scatter_indices_batching_dims={0}, index_vector_dim=2, to_apply=add",
     "ab,aC#,aC->ab"},
    {"ScatterByNoMonoidNeedsUpdatesWhole", "f32[100,16] s32[8,1] f32[8,16]",
     "f32[100,16] scatter(p0, p1, p2), update_window_dims={1}, inserted_window_dims={0}, "
     "scatter_dims_to_operand_dims={0}, index_vector_dim=1, to_apply=sub",
     "ab,##,#b->ab"},
    {"VariadicReduceKeepsKeptDims", "f32[4,6] s32[4,6]",
     "(f32[4], s32[4]) reduce(p0, p1, zero, izero), dimensions={1}, to_apply=argmax",
     "a#,a#,.,.->a,a"},
    {"ReduceByMaximumFromItsIdentity", "f32[4,6]",
     "f32[4] reduce(p0, lowest), dimensions={1}, to_apply=max", "aB,.->a"},
    {"VariadicSortTiesItsOperands", "f32[4,8] s32[4,8]",
     "(f32[4,8], s32[4,8]) sort(p0, p1), dimensions={0}, to_apply=ge2", "#a,#a->#a,#a"},
    {"DilatedConvolutionIsAHalo", "f32[8,32,4] f32[3,4,16]",
     "f32[8,28,16] convolution(p0, p1), window={size=3 rhs_dilate=2}, dim_labels=b0f_0io->b0f",
     "ab~C,d~Ce->a#e"},
    {"BatchGroupedConvolutionSplitsGroups", "f32[8,32,32,4] f32[8,32,32,4]",
     "f32[3,3,1,4] convolution(p0, p1), window={size=32x32 pad=1_1x1_1}, "
     "dim_labels=f01b_i01o->01bf, batch_group_count=4",
     "Ab~c~d,Ae~f~d->###d"},
    {"EinsumBatchWrittenAsSpace", "f32[32,24,64] f32[32,96,64]",
     "f32[32,24,96] convolution(p0, p1), window={size=32 stride=31 lhs_dilate=32}, "
     "dim_labels=0bf_0oi->0bf",
     "abC,adC->abd"},
    {"ContractedSpaceIsSummed", "f32[8,5,4] f32[5,4,16]",
     "f32[8,1,16] convolution(p0, p1), window={size=5}, dim_labels=b0f_0io->b0f", "aBC,BCd->a#d"},
    {"InferenceStatisticsFollowFeatures", "f32[4,6,8] f32[8] f32[8] f32[8] f32[4,6,8]",
     "(f32[4,6,8], f32[8], f32[8]) batch-norm-grad(p0, p1, p2, p3, p4), epsilon=0.001, "
     "feature_index=2",
     "ABc,c,c,c,ABc->ABc,c,c"},
    {"RightSideTriangularSolveKeepsRows", "f32[4,4] f32[6,4]",
     "f32[6,4] triangular-solve(p0, p1), left_side=false", "##,a#->a#"},
    {"RaggedRowsStayWhole", "f32[12,8] f32[3,8,6] s32[3]",
     "f32[12,6] ragged-dot(p0, p1, p2), lhs_contracting_dims={1}, rhs_contracting_dims={1}, "
     "lhs_ragged_dims={0}, rhs_group_dims={0}",
     "#A,#Ab,#->#b"},
    {"RaggedContractionKeepsFreeDims", "f32[8,12] f32[12,6] s32[3]",
     "f32[3,8,6] ragged-dot(p0, p1, p2), lhs_contracting_dims={1}, rhs_contracting_dims={0}, "
     "lhs_ragged_dims={1}, rhs_group_dims={}",
     "a#,#b,#->#ab"},
    {"ScaledDotSplitsBlocksWithTheirScales", "f32[4,64] f32[64,6] f32[4,2] f32[2,6]",
     "f32[4,6] scaled-dot(p0, p1, p2, p3), lhs_contracting_dims={1}, rhs_contracting_dims={0}",
     "aB,Bc,aB,Bc->ac"},
    {"AllReduceOfTheUserKeepsDims", "f32[4,8]", "f32[4,8] all-reduce(p0), to_apply=add", "ab->ab"},
    {"AllGatherOfTheUserNeedsItsDimWhole", "f32[4,8]", "f32[8,8] all-gather(p0), dimensions={0}",
     "#a->#a"},
    {"ReduceScatterOfTheUserNeedsItsDimWhole", "f32[4,8]",
     "f32[2,8] reduce-scatter(p0), dimensions={0}, to_apply=add", "#a->#a"},
    {"AllToAllOfTheUserNeedsItsDimWhole", "f32[4,8]", "f32[4,8] all-to-all(p0), dimensions={1}",
     "a#->a#"},
    {"PermuteOfTheUserKeepsDims", "f32[4,8]",
     "f32[4,8] collective-permute(p0), source_target_pairs={{0,1},{1,0}}", "ab->ab"},
    {"StartedPermuteKeepsDims", "f32[4,8]",
     "(f32[4,8], f32[4,8], u32[], u32[]) collective-permute-start(p0), "
     "source_target_pairs={{0,1},{1,0}}",
     "ab->ab,ab,.,."},
    {"StartedAllGatherNeedsItsDimWhole", "f32[4,8]",
     "(f32[4,8], f32[8,8]) all-gather-start(p0), dimensions={0}", "#a->#a,#a"},
    {"StartedCopyKeepsDims", "f32[4,8]", "(f32[4,8], f32[4,8], u32[]) copy-start(p0)",
     "ab->ab,ab,."},
    {"PartitionIdIsNobodys", "f32[4]", "u32[] partition-id()", "->."},
    {"ShardingCallIsIdentity", "f32[4,8]",
     "f32[4,8] custom-call(p0), custom_call_target=\"Sharding\"", "ab->ab"},
    {"ManualRegionsStayWhole", "f32[4,8]",
     "f32[2,8] custom-call(p0), custom_call_target=\"SPMDFullToShardShape\"", "##->##"},
    {"QrKeepsBatch", "f32[2,4,4]",
     "(f32[2,4,4], f32[2,4]) custom-call(p0), custom_call_target=\"Qr\"", "a##->a##,a#"},
    {"TopKCallNeedsTheLastDimWhole", "f32[4,8]",
     "(f32[4,2], s32[4,2]) custom-call(p0), custom_call_target=\"TopK\"", "a#->a#,a#"},
    {"ApproximateTopKNeedsTheSearchedDimWhole", "f32[4,8] s32[4,8] f32[] s32[]",
     "(f32[4,2], s32[4,2]) custom-call(p0, p1, p2, p3), custom_call_target=\"ApproxTopK\"",
     "a#,a#,.,.->a#,a#"},
    {"ResizedImagesKeepBatchAndChannels", "f32[2,8,8,3]",
     "f32[2,16,16,3] custom-call(p0), custom_call_target=\"ResizeBilinear\"", "a##b->a##b"},
    {"ATensorOfDynamicSizeIsNeverSplit", "f32[<=4,6]", "f32[<=4,6] negate(p0)", "##->##"},
    {"RngBitGeneratorIsWhole", "u64[2]",
     "(u64[2], u32[8]) rng-bit-generator(p0), algorithm=rng_default", "#->#,#"},
    {"UnknownCustomCallIsWhole", "f32[4]", "f32[4] custom-call(p0), custom_call_target=\"mystery\"",
     "#->#"},
    {"ReservedOpcodeIsWhole", "f32[4]", "f32[4] no-such-opcode(p0)", "#->#"},
    {"ReduceByACalledFunction", "f32[4,6]",
     "f32[6] reduce(p0, zero), dimensions={0}, to_apply=called_add", "Ab,.->b"},
    {"MaximumFromAnyInitialValueIsSummed", "f32[4,6]",
     "f32[6] reduce(p0, one), dimensions={0}, to_apply=max", "Ab,.->b"},
    {"ConcatenateOfOneIsIdentity", "f32[4,6]", "f32[4,6] concatenate(p0), dimensions={1}",
     "ab->ab"},
    {"BitcastToATypeOfEqualWidth", "f32[4,6]", "s32[24] bitcast(p0)", "a#->a"},
    {"DynamicReshapeOfStaticDimsIsAReshape", "f32[4,6]", "f32[24] dynamic-reshape(p0)", "a#->a"},
    {"ScanNeedsItsDimWhole", "f32[4,6] f32[4]",
     "(f32[4,6], f32[4]) scan(p0, p1), dimensions={1}, num_carries=1, to_apply=running",
     "a#,a->a#,a"},
    {"RaggedAllToAllKeepsTheDimsBehindTheFirst", "f32[8,4] f32[8,4] s32[2] s32[2] s32[2] s32[2]",
     "f32[8,4] ragged-all-to-all(p0, p1, p2, p3, p4, p5)", "#a,#a,#,#,#,#->#a"},
    {"CollectiveBroadcastOfTheUserKeepsDims", "f32[4,8]", "f32[4,8] collective-broadcast(p0)",
     "ab->ab"},
    {"StartedAllReduceKeepsDims", "f32[4,8]", "f32[4,8] all-reduce-start(p0), to_apply=add",
     "ab->ab"},
    {"ConstantIsNobodys", "f32[4]", "f32[4] constant({1, 2, 3, 4})", "->#"},
    {"IotaIsNobodys", "f32[4]", "s32[4,2] iota(), iota_dimension=0", "->##"},
    {"ReplicaIdIsNobodys", "f32[4]", "u32[] replica-id()", "->."},
    {"RandomStateIsNobodys", "f32[4]", "u64[2] rng-get-and-update-state(), delta=1", "->#"},
    {"TokensHaveNoDims", "f32[4]", "token[] after-all()", "->."},
    {"InfeedIsWhole", "token[]", "(f32[4,8], token[]) infeed(p0)", ".->##,."},
    {"OutfeedIsWhole", "f32[4,8] token[]", "token[] outfeed(p0, p1)", "##,.->."},
    {"SendIsWhole", "f32[4,8] token[]", "(f32[4,8], u32[], token[]) send(p0, p1), channel_id=1",
     "##,.->##,.,."},
    {"RecvIsWhole", "token[]", "(f32[4,8], u32[], token[]) recv(p0), channel_id=1", ".->##,.,."},
    {"CallOfAnotherShapeIsWhole", "f32[4,8]",
     "f32[4,2] custom-call(p0), custom_call_target=\"MoveToHost\"", "##->##"},
};

// Index pairs (own row, p1's value), as frameworks write x[arange(8), labels].
constexpr char kIndices[] = R"(
  count = s32[8] iota(), iota_dimension=0
  rows = s32[8,1] reshape(count)
  rows_and_p1 = s32[8,2] concatenate(rows, p1), dimensions={1}
  none = s32[8] broadcast(izero), dimensions={}
  eight = s32[] constant(8)
  eights = s32[8] broadcast(eight), dimensions={}
  is_negative = pred[8] compare(count, none), direction=LT
  around = s32[8] add(count, eights)
  wrapped = s32[8] select(is_negative, around, count)
  wrapped_rows = s32[8,1] broadcast(wrapped), dimensions={0}
  wrapped_and_p1 = s32[8,2] concatenate(wrapped_rows, p1), dimensions={1}
)";

// An element-wise opcode on as many arrays as it takes.
RuleCase ElementwiseCase(Opcode opcode) {
  const int operands = TraitsOf(opcode).min_operands;
  RuleCase it = {std::string(OpcodeName(opcode)), "f32[4,8]", "", "ab"};
  std::string arguments = "p0";
  for (int i = 1; i < operands; ++i) {
    it.parameters += " f32[4,8]";
    it.expected += ",ab";
    absl::StrAppend(&arguments, ", p", i);
  }
  const char* attributes = opcode == Opcode::kMap ? ", dimensions={0,1}, to_apply=negated" : "";
  it.instruction = absl::StrCat("f32[4,8] ", OpcodeName(opcode), "(", arguments, ")", attributes);
  it.expected += "->ab";
  return it;
}

}  // namespace

std::vector<RuleCase> RuleCases() {
  std::vector<RuleCase> cases(std::begin(kCases), std::end(kCases));
  for (int opcode = 0; opcode < kOpcodeCount; ++opcode) {
    const Opcode it = static_cast<Opcode>(opcode);
    if (TraitsOf(it).kind == OpcodeKind::kElementwise) cases.push_back(ElementwiseCase(it));
  }
  return cases;
}

std::string ModuleOf(const RuleCase& it) {
  std::string text = kComputations;
  text +=
      "ENTRY main {\n  zero = f32[] constant(0)\n  one = f32[] constant(1)\n"
      "  izero = s32[] constant(0)\n  lowest = f32[] constant(-inf)\n";
  int number = 0;
  std::istringstream shapes(it.parameters);
  for (std::string shape; shapes >> shape; ++number) {
    absl::StrAppend(&text, "  p", number, " = ", shape, " parameter(", number, ")\n");
  }
  const bool has_rows =
      absl::StrContains(it.instruction, "rows") || absl::StrContains(it.instruction, "wrapped");
  absl::StrAppend(&text, has_rows ? kIndices : "", "  ROOT it = ", it.instruction, "\n}");
  return text;
}

}  // namespace automap

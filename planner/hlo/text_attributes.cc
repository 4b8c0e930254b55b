#include "planner/hlo/text_attributes.h"

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace automap {
namespace {

using Instruction = xla::HloInstructionProto;
using Integers = google::protobuf::RepeatedField<int64_t>;

// 3x3x1 and 1_1x0_0_1: numbers between underscores, groups between x.
absl::Status ReadGroups(TextCursor& cursor, std::vector<std::vector<int64_t>>& groups) {
  const size_t begin = cursor.position();
  for (const absl::string_view group : absl::StrSplit(cursor.Run(), 'x')) {
    std::vector<int64_t>& numbers = groups.emplace_back();
    for (const absl::string_view word : absl::StrSplit(group, '_')) {
      if (!absl::SimpleAtoi(word, &numbers.emplace_back())) {
        cursor.set_position(begin);
        return cursor.Unexpected("numbers like 3x3 or 1_1x0_0");
      }
    }
  }
  return absl::OkStatus();
}

xla::WindowDimension& Dimension(xla::Window& window, size_t index) {
  while (window.dimensions_size() <= static_cast<int>(index)) {
    xla::WindowDimension& dimension = *window.add_dimensions();
    dimension.set_size(1);
    dimension.set_stride(1);
    dimension.set_padding_low(0);
    dimension.set_padding_high(0);
    dimension.set_window_dilation(1);
    dimension.set_base_dilation(1);
    dimension.set_window_reversal(false);
  }
  return *window.mutable_dimensions(index);
}

// {size=3x3 stride=2x2 pad=1_1x1_1 lhs_dilate=.. rhs_dilate=.. rhs_reversal=1x1}
absl::Status ReadWindow(TextCursor& cursor, xla::Window& window) {
  RETURN_IF_ERROR(cursor.Expect("{"));
  while (!cursor.TryConsume("}")) {
    ASSIGN_OR_RETURN(const absl::string_view key, cursor.Name());
    RETURN_IF_ERROR(cursor.Expect("="));
    std::vector<std::vector<int64_t>> groups;
    RETURN_IF_ERROR(ReadGroups(cursor, groups));
    if (groups.size() > 32) return cursor.Error("a window of more than 32 dimensions", "smaller");
    for (size_t i = 0; i < groups.size(); ++i) {
      xla::WindowDimension& dimension = Dimension(window, i);
      const int64_t value = groups[i][0];
      if (key == "size") dimension.set_size(value);
      if (key == "stride") dimension.set_stride(value);
      if (key == "pad")
        dimension.set_padding_low(value),
            dimension.set_padding_high(groups[i].size() > 1 ? groups[i][1] : value);
      if (key == "lhs_dilate") dimension.set_base_dilation(value);
      if (key == "rhs_dilate") dimension.set_window_dilation(value);
      if (key == "rhs_reversal") dimension.set_window_reversal(value != 0);
    }
    cursor.TryConsume(",");
  }
  return absl::OkStatus();
}

// Positions of the two letters and of the digits 0, 1, ... in a label like b01f.
bool PlaceLabels(absl::string_view label, char first, char second, int64_t& first_at,
                 int64_t& second_at, Integers& spatial) {
  spatial.Resize(label.size() >= 2 ? label.size() - 2 : 0, -1);
  first_at = second_at = -1;
  for (size_t i = 0; i < label.size(); ++i) {
    if (label[i] == first) {
      first_at = i;
    } else if (label[i] == second) {
      second_at = i;
    } else if (label[i] >= '0' && label[i] - '0' < spatial.size()) {
      spatial.Set(label[i] - '0', i);
    } else {
      return false;
    }
  }
  return first_at >= 0 && second_at >= 0 && std::count(spatial.begin(), spatial.end(), -1) == 0;
}

absl::Status ReadDimLabels(TextCursor& cursor, xla::ConvolutionDimensionNumbers& numbers) {
  const size_t begin = cursor.position();
  const std::vector<std::string> sides = absl::StrSplit(cursor.Run(), "->");
  const std::vector<std::string> operands = absl::StrSplit(sides[0], '_');
  int64_t at[6];
  const bool good =
      sides.size() == 2 && operands.size() == 2 &&
      PlaceLabels(operands[0], 'b', 'f', at[0], at[1],
                  *numbers.mutable_input_spatial_dimensions()) &&
      PlaceLabels(operands[1], 'i', 'o', at[2], at[3],
                  *numbers.mutable_kernel_spatial_dimensions()) &&
      PlaceLabels(sides[1], 'b', 'f', at[4], at[5], *numbers.mutable_output_spatial_dimensions());
  if (!good) {
    cursor.set_position(begin);
    return cursor.Unexpected("dimension labels like b01f_01io->b01f");
  }
  numbers.set_input_batch_dimension(at[0]);
  numbers.set_input_feature_dimension(at[1]);
  numbers.set_kernel_input_feature_dimension(at[2]);
  numbers.set_kernel_output_feature_dimension(at[3]);
  numbers.set_output_batch_dimension(at[4]);
  numbers.set_output_feature_dimension(at[5]);
  return absl::OkStatus();
}

// {[0:2], [1:5:2]}
absl::Status ReadSlice(TextCursor& cursor, Instruction& instruction) {
  RETURN_IF_ERROR(cursor.Expect("{"));
  while (!cursor.TryConsume("}")) {
    if (instruction.slice_dimensions_size() > 0) RETURN_IF_ERROR(cursor.Expect(","));
    auto& dimension = *instruction.add_slice_dimensions();
    RETURN_IF_ERROR(cursor.Expect("["));
    ASSIGN_OR_RETURN(const int64_t start, cursor.Integer());
    RETURN_IF_ERROR(cursor.Expect(":"));
    ASSIGN_OR_RETURN(const int64_t limit, cursor.Integer());
    int64_t stride = 1;
    if (cursor.TryConsume(":")) {
      ASSIGN_OR_RETURN(stride, cursor.Integer());
    }
    RETURN_IF_ERROR(cursor.Expect("]"));
    dimension.set_start(start);
    dimension.set_limit(limit);
    dimension.set_stride(stride);
  }
  return absl::OkStatus();
}

absl::Status ReadPadding(TextCursor& cursor, xla::PaddingConfig& config) {
  // An operand without dims has empty padding.
  if (cursor.Peek() == ',' || cursor.Peek() == '\n') return absl::OkStatus();
  std::vector<std::vector<int64_t>> groups;
  RETURN_IF_ERROR(ReadGroups(cursor, groups));
  for (const std::vector<int64_t>& group : groups) {
    if (group.size() < 2)
      return cursor.Error("padding of one number", "low_high or low_high_interior");
    auto& dimension = *config.add_dimensions();
    dimension.set_edge_padding_low(group[0]);
    dimension.set_edge_padding_high(group[1]);
    dimension.set_interior_padding(group.size() > 2 ? group[2] : 0);
  }
  return absl::OkStatus();
}

// {op_type="add" op_name="..." source_file="..." source_line=12 ...}
absl::Status ReadMetadata(TextCursor& cursor, xla::OpMetadata& metadata) {
  RETURN_IF_ERROR(cursor.Expect("{"));
  while (!cursor.TryConsume("}")) {
    ASSIGN_OR_RETURN(const absl::string_view key, cursor.Name());
    RETURN_IF_ERROR(cursor.Expect("="));
    if (cursor.Peek() == '"' || cursor.Peek() == '\'') {
      ASSIGN_OR_RETURN(std::string value, cursor.String());
      if (key == "op_type")
        metadata.set_op_type(std::move(value));
      else if (key == "op_name")
        metadata.set_op_name(std::move(value));
      else if (key == "source_file")
        metadata.set_source_file(std::move(value));
    } else if (cursor.Peek() == '{') {
      RETURN_IF_ERROR(cursor.AnyValue().status());
    } else if (key == "source_line") {
      ASSIGN_OR_RETURN(const int64_t line, cursor.Integer());
      metadata.set_source_line(static_cast<int32_t>(line));
    } else if (cursor.Run().empty()) {
      return cursor.Unexpected("a metadata value");
    }
    cursor.TryConsume(",");
  }
  return absl::OkStatus();
}

absl::Status ReadBackendConfig(TextCursor& cursor, Instruction& instruction) {
  if (cursor.Peek() == '"') {
    ASSIGN_OR_RETURN(std::string value, cursor.String());
    instruction.set_backend_config(std::move(value));
  } else {
    ASSIGN_OR_RETURN(const absl::string_view value, cursor.AnyValue());
    instruction.set_backend_config(std::string(value));
  }
  return absl::OkStatus();
}

absl::Status ReadLower(TextCursor& cursor, Instruction& instruction) {
  const bool lower = cursor.Run() == "true";
  if (instruction.opcode() == "cholesky") {
    instruction.mutable_cholesky_options()->set_lower(lower);
  } else {
    instruction.mutable_triangular_solve_options()->set_lower(lower);
  }
  return absl::OkStatus();
}

absl::Status ReadEpsilon(TextCursor& cursor, Instruction& instruction) {
  float epsilon = 0;
  if (!absl::SimpleAtof(cursor.Run(), &epsilon)) return cursor.Unexpected("a number");
  instruction.set_epsilon(epsilon);
  return absl::OkStatus();
}

using Reader = absl::Status (*)(TextCursor&, Instruction&);

// One row per attribute. A list goes into the field that the row's expression names.
#define AUTOMAP_LIST(key, field)                                                           \
  {                                                                                        \
    key, [](TextCursor& cursor, Instruction& i) { return ReadIntegers(cursor, *i.field); } \
  }
#define AUTOMAP_NUMBER(key, message, setter)                      \
  {                                                               \
    key, [](TextCursor& cursor, Instruction& i) -> absl::Status { \
      ASSIGN_OR_RETURN(const int64_t value, cursor.Integer());    \
      i.message setter(value);                                    \
      return absl::OkStatus();                                    \
    }                                                             \
  }

#define AUTOMAP_FLAG(key, setter)                                \
  {                                                              \
    key, [](TextCursor& cursor, Instruction& i) {                \
      return i.setter(cursor.Run() == "true"), absl::OkStatus(); \
    }                                                            \
  }

// A word of another case than the enumerator's; unknown ones, of newer producers, are left out.
#define AUTOMAP_ENUM(key, type, setter)                                               \
  {                                                                                   \
    key, [](TextCursor& cursor, Instruction& i) {                                     \
      type value;                                                                     \
      if (type##_Parse(absl::AsciiStrToUpper(cursor.Run()), &value)) i.setter(value); \
      return absl::OkStatus();                                                        \
    }                                                                                 \
  }

const absl::flat_hash_map<absl::string_view, Reader>& Readers() {
  static const auto& readers = *new absl::flat_hash_map<absl::string_view, Reader>{
      AUTOMAP_LIST("dimensions", mutable_dimensions()),
      AUTOMAP_LIST("dynamic_slice_sizes", mutable_dynamic_slice_sizes()),
      AUTOMAP_LIST("slice_sizes", mutable_gather_slice_sizes()),
      AUTOMAP_LIST("fft_length", mutable_fft_length()),
      AUTOMAP_LIST("lhs_batch_dims",
                   mutable_dot_dimension_numbers()->mutable_lhs_batch_dimensions()),
      AUTOMAP_LIST("rhs_batch_dims",
                   mutable_dot_dimension_numbers()->mutable_rhs_batch_dimensions()),
      AUTOMAP_LIST("lhs_contracting_dims",
                   mutable_dot_dimension_numbers()->mutable_lhs_contracting_dimensions()),
      AUTOMAP_LIST("rhs_contracting_dims",
                   mutable_dot_dimension_numbers()->mutable_rhs_contracting_dimensions()),
      AUTOMAP_LIST("lhs_ragged_dims",
                   mutable_ragged_dot_dimension_numbers()->mutable_lhs_ragged_dimensions()),
      AUTOMAP_LIST("rhs_group_dims",
                   mutable_ragged_dot_dimension_numbers()->mutable_rhs_group_dimensions()),
      AUTOMAP_LIST("offset_dims", mutable_gather_dimension_numbers()->mutable_offset_dims()),
      AUTOMAP_LIST("output_window_dims", mutable_gather_dimension_numbers()->mutable_offset_dims()),
      AUTOMAP_LIST("collapsed_slice_dims",
                   mutable_gather_dimension_numbers()->mutable_collapsed_slice_dims()),
      AUTOMAP_LIST("elided_window_dims",
                   mutable_gather_dimension_numbers()->mutable_collapsed_slice_dims()),
      AUTOMAP_LIST("start_index_map",
                   mutable_gather_dimension_numbers()->mutable_start_index_map()),
      AUTOMAP_LIST("gather_dims_to_operand_dims",
                   mutable_gather_dimension_numbers()->mutable_start_index_map()),
      AUTOMAP_LIST("operand_batching_dims",
                   mutable_gather_dimension_numbers()->mutable_operand_batching_dims()),
      AUTOMAP_LIST("start_indices_batching_dims",
                   mutable_gather_dimension_numbers()->mutable_start_indices_batching_dims()),
      AUTOMAP_LIST("update_window_dims",
                   mutable_scatter_dimension_numbers()->mutable_update_window_dims()),
      AUTOMAP_LIST("inserted_window_dims",
                   mutable_scatter_dimension_numbers()->mutable_inserted_window_dims()),
      AUTOMAP_LIST("scatter_dims_to_operand_dims",
                   mutable_scatter_dimension_numbers()->mutable_scatter_dims_to_operand_dims()),
      AUTOMAP_LIST("input_batching_dims",
                   mutable_scatter_dimension_numbers()->mutable_input_batching_dims()),
      AUTOMAP_LIST("scatter_indices_batching_dims",
                   mutable_scatter_dimension_numbers()->mutable_scatter_indices_batching_dims()),
      AUTOMAP_NUMBER("iota_dimension", , add_dimensions),
      AUTOMAP_NUMBER("index", , set_tuple_index),
      AUTOMAP_NUMBER("feature_group_count", , set_feature_group_count),
      AUTOMAP_NUMBER("batch_group_count", , set_batch_group_count),
      AUTOMAP_NUMBER("feature_index", , set_feature_index),
      AUTOMAP_NUMBER("channel_id", , set_channel_id),
      AUTOMAP_NUMBER("k", , set_k),
      AUTOMAP_NUMBER("num_carries", , set_num_carries),
      {"index_vector_dim",
       [](TextCursor& cursor, Instruction& i) -> absl::Status {
         ASSIGN_OR_RETURN(const int64_t value, cursor.Integer());
         if (i.opcode() == "scatter")
           i.mutable_scatter_dimension_numbers()->set_index_vector_dim(value);
         else
           i.mutable_gather_dimension_numbers()->set_index_vector_dim(value);
         return absl::OkStatus();
       }},
      {"window",
       [](TextCursor& cursor, Instruction& i) { return ReadWindow(cursor, *i.mutable_window()); }},
      {"dim_labels",
       [](TextCursor& cursor, Instruction& i) {
         return ReadDimLabels(cursor, *i.mutable_convolution_dimension_numbers());
       }},
      {"slice", ReadSlice},
      {"padding", [](TextCursor& cursor,
                     Instruction& i) { return ReadPadding(cursor, *i.mutable_padding_config()); }},
      {"metadata", [](TextCursor& cursor,
                      Instruction& i) { return ReadMetadata(cursor, *i.mutable_metadata()); }},
      {"backend_config", ReadBackendConfig},
      {"direction",
       [](TextCursor& cursor, Instruction& i) {
         return i.set_comparison_direction(std::string(cursor.Run())), absl::OkStatus();
       }},
      {"kind",
       [](TextCursor& cursor, Instruction& i) {
         return i.set_fusion_kind(std::string(cursor.Run())), absl::OkStatus();
       }},
      {"custom_call_target",
       [](TextCursor& cursor, Instruction& i) -> absl::Status {
         ASSIGN_OR_RETURN(std::string value, cursor.String());
         i.set_custom_call_target(std::move(value));
         return absl::OkStatus();
       }},
      {"custom_call_has_side_effect",
       [](TextCursor& cursor, Instruction& i) {
         return i.set_custom_call_has_side_effect(cursor.Run() == "true"), absl::OkStatus();
       }},
      {"use_global_device_ids",
       [](TextCursor& cursor, Instruction& i) {
         return i.set_use_global_device_ids(cursor.Run() == "true"), absl::OkStatus();
       }},
      AUTOMAP_NUMBER("exponent_bits", , set_exponent_bits),
      AUTOMAP_NUMBER("mantissa_bits", , set_mantissa_bits),
      AUTOMAP_NUMBER("delta", , set_delta),
      AUTOMAP_FLAG("is_stable", set_is_stable),
      AUTOMAP_FLAG("largest", set_largest),
      AUTOMAP_FLAG("indices_are_sorted", set_indices_are_sorted),
      AUTOMAP_FLAG("unique_indices", set_unique_indices),
      AUTOMAP_FLAG("left_side", mutable_triangular_solve_options()->set_left_side),
      AUTOMAP_FLAG("unit_diagonal", mutable_triangular_solve_options()->set_unit_diagonal),
      {"lower", ReadLower},
      AUTOMAP_ENUM("transpose_a", xla::TriangularSolveOptions::Transpose,
                   mutable_triangular_solve_options()->set_transpose_a),
      AUTOMAP_ENUM("fft_type", xla::FftType, set_fft_type),
      AUTOMAP_ENUM("distribution", xla::RandomDistribution, set_distribution),
      AUTOMAP_ENUM("algorithm", xla::RandomAlgorithm, set_rng_algorithm),
      {"epsilon", ReadEpsilon},
      {"type",
       [](TextCursor& cursor, Instruction& i) {
         return i.set_comparison_type(std::string(cursor.Run())), absl::OkStatus();
       }},
  };
  return readers;
}

}  // namespace

absl::Status ReadIntegers(TextCursor& cursor, Integers& list) {
  RETURN_IF_ERROR(cursor.Expect("{"));
  list.Clear();
  while (!cursor.TryConsume("}")) {
    if (!list.empty()) RETURN_IF_ERROR(cursor.Expect(","));
    ASSIGN_OR_RETURN(const int64_t value, cursor.Integer());
    list.Add(value);
  }
  return absl::OkStatus();
}

absl::Status ReadAttribute(TextCursor& cursor, absl::string_view key, Instruction& instruction) {
  const auto reader = Readers().find(key);
  // The same words mean other things elsewhere: only known opcodes read them.
  static constexpr std::pair<absl::string_view, absl::string_view> kOnlyOf[] = {
      {"kind", "fusion"},
      {"slice", "slice"},
      {"algorithm", "rng-bit-generator"},
      {"type", "compare"}};
  const bool is_other = std::any_of(std::begin(kOnlyOf), std::end(kOnlyOf), [&](const auto& only) {
    return key == only.first && instruction.opcode() != only.second;
  });
  if (reader == Readers().end() || is_other) return cursor.AnyValue().status();
  return reader->second(cursor, instruction);
}

}  // namespace automap

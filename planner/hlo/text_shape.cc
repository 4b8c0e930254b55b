#include "planner/hlo/text_shape.h"

#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr int kMaxDepth = 64;

// The word before a '[' if one is next, without consuming it.
absl::string_view TypeName(TextCursor& cursor) {
  cursor.Peek();
  const absl::string_view rest = cursor.rest();
  size_t end = 0;
  while (end < rest.size() && end < 16 && (absl::ascii_isalnum(rest[end]) || rest[end] == '_'))
    ++end;
  return end < rest.size() && rest[end] == '[' ? rest.substr(0, end) : absl::string_view();
}

absl::Status ReadDimensions(TextCursor& cursor, xla::ShapeProto& shape) {
  bool is_dynamic = false;
  while (!cursor.TryConsume("]")) {
    if (shape.dimensions_size() > 0) RETURN_IF_ERROR(cursor.Expect(","));
    if (cursor.TryConsume("?")) {
      shape.add_dimensions(std::numeric_limits<int64_t>::min());
      shape.add_is_dynamic_dimension(true);
      is_dynamic = true;
      continue;
    }
    const bool bounded = cursor.TryConsume("<=");
    ASSIGN_OR_RETURN(const int64_t size, cursor.Integer());
    shape.add_dimensions(size);
    shape.add_is_dynamic_dimension(bounded);
    is_dynamic |= bounded;
  }
  if (!is_dynamic) shape.clear_is_dynamic_dimension();
  return absl::OkStatus();
}

// A brace right after the bracket is a layout when a digit, a colon or the closing brace follows.
// Tiles, memory spaces and the like after the colon are skipped.
absl::Status ReadLayout(TextCursor& cursor, xla::ShapeProto& shape) {
  const absl::string_view rest = cursor.rest();
  if (rest.size() < 2 || rest[0] != '{' ||
      !(absl::ascii_isdigit(rest[1]) || rest[1] == ':' || rest[1] == '}')) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(cursor.Expect("{"));
  xla::LayoutProto& layout = *shape.mutable_layout();
  while (absl::ascii_isdigit(cursor.Peek())) {
    ASSIGN_OR_RETURN(const int64_t dim, cursor.Integer());
    layout.add_minor_to_major(dim);
    if (!cursor.TryConsume(",")) break;
  }
  while (cursor.Peek() != '}') {
    if (cursor.AtEnd()) return cursor.Unexpected("'}' after a layout");
    ASSIGN_OR_RETURN(const absl::string_view skipped, cursor.AnyValue());
    if (skipped.empty() && !cursor.TryConsume(",")) return cursor.Unexpected("'}' after a layout");
  }
  return cursor.Expect("}");
}

}  // namespace

xla::PrimitiveType ElementTypeFromName(absl::string_view name) {
  static const auto& types = *new absl::flat_hash_map<std::string, xla::PrimitiveType>([] {
    absl::flat_hash_map<std::string, xla::PrimitiveType> all;
    for (int i = xla::PrimitiveType_MIN; i <= xla::PrimitiveType_MAX; ++i) {
      if (i == xla::PRIMITIVE_TYPE_INVALID || i == xla::TUPLE || !xla::PrimitiveType_IsValid(i))
        continue;
      const auto type = static_cast<xla::PrimitiveType>(i);
      all[absl::AsciiStrToLower(xla::PrimitiveType_Name(type))] = type;
    }
    all["opaque"] = xla::OPAQUE_TYPE;
    return all;
  }());
  const auto found = types.find(name);
  return found == types.end() ? xla::PRIMITIVE_TYPE_INVALID : found->second;
}

bool IsShapeNext(TextCursor& cursor) {
  if (cursor.Peek() == '(') return true;
  if (cursor.rest().substr(0, 2) == "b(") return true;
  const absl::string_view name = TypeName(cursor);
  return !name.empty() && ElementTypeFromName(name) != xla::PRIMITIVE_TYPE_INVALID;
}

absl::Status ReadShape(TextCursor& cursor, xla::ShapeProto& shape, int depth) {
  if (depth > kMaxDepth) return cursor.Error("a shape nested deeper than 64", "flatter");
  const bool is_buffer = cursor.Peek() == 'b' && cursor.TryConsume("b(");
  if (is_buffer || cursor.TryConsume("(")) {
    shape.set_element_type(is_buffer ? xla::BUFFER : xla::TUPLE);
    while (!cursor.TryConsume(")")) {
      if (shape.tuple_shapes_size() > 0) RETURN_IF_ERROR(cursor.Expect(","));
      RETURN_IF_ERROR(ReadShape(cursor, *shape.add_tuple_shapes(), depth + 1));
    }
    return absl::OkStatus();
  }
  const absl::string_view name = TypeName(cursor);
  const xla::PrimitiveType type = ElementTypeFromName(name);
  if (type == xla::PRIMITIVE_TYPE_INVALID) return cursor.Unexpected("a shape, e.g. f32[2,3]");
  cursor.set_position(cursor.position() + name.size() + 1);
  shape.set_element_type(type);
  RETURN_IF_ERROR(ReadDimensions(cursor, shape));
  return ReadLayout(cursor, shape);
}

}  // namespace automap

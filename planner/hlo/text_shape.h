// Shapes in HLO text: f32[2,3]{1,0}, (f32[2], s32[]), token[], f32[<=8,?], b(f32[4]).
#pragma once

#include "absl/status/status.h"
#include "planner/hlo/text_cursor.h"
#include "xla/xla_data.pb.h"

namespace automap {

// The element type that a lower-case name stands for, or PRIMITIVE_TYPE_INVALID.
xla::PrimitiveType ElementTypeFromName(absl::string_view name);

// Whether a shape is next: a parenthesis, or an element type's name with its bracket.
bool IsShapeNext(TextCursor& cursor);

// Reads a shape with its layout. Nested at most 64 deep.
absl::Status ReadShape(TextCursor& cursor, xla::ShapeProto& shape, int depth = 0);

}  // namespace automap

#include "planner/hlo/shape_checks.h"

#include <algorithm>

#include "absl/strings/str_join.h"

namespace automap::shape_checks {

bool IsArray(const xla::ShapeProto& shape) {
  return shape.element_type() != xla::TUPLE && shape.element_type() != xla::TOKEN &&
         shape.element_type() != xla::OPAQUE_TYPE && shape.element_type() != xla::BUFFER;
}

std::string Text(const xla::ShapeProto& shape) {
  return absl::StrCat("[", absl::StrJoin(shape.dimensions(), ","), "]");
}

bool SameDims(const xla::ShapeProto& a, const xla::ShapeProto& b) {
  if (IsDynamic(a) || IsDynamic(b)) return Rank(a) == Rank(b);
  return std::equal(a.dimensions().begin(), a.dimensions().end(), b.dimensions().begin(),
                    b.dimensions().end());
}

Complaint Bad(absl::string_view field, absl::string_view text) {
  return {std::string(field), std::string(text)};
}

Complaint WrongShape(const xla::ShapeProto& shape, absl::string_view expected) {
  return Bad("shape", absl::StrCat(Text(shape), ", must be ", expected));
}

Complaint CheckDims(absl::string_view field, const Dims& dims, int rank) {
  std::vector<bool> seen(rank, false);
  for (int i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0 || dims[i] >= rank)
      return Bad(absl::StrCat(field, "[", i, "]"),
                 absl::StrCat(dims[i], ", must be in 0..", rank - 1));
    if (seen[dims[i]])
      return Bad(absl::StrCat(field, "[", i, "]"), absl::StrCat(dims[i], ", must not repeat"));
    seen[dims[i]] = true;
  }
  return {};
}

const xla::ShapeProto& Result(const Instruction& instruction, int index) {
  return instruction.shape().element_type() == xla::TUPLE &&
                 index < instruction.shape().tuple_shapes_size()
             ? instruction.shape().tuple_shapes(index)
             : instruction.shape();
}

int ResultCount(const Instruction& instruction) {
  return instruction.shape().element_type() == xla::TUPLE ? instruction.shape().tuple_shapes_size()
                                                          : 1;
}

}  // namespace automap::shape_checks

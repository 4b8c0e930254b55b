#include "planner/hlo/check_types.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr int kMaxRank = 32, kMaxTupleDepth = 64;
constexpr int64_t kMaxDimension = int64_t{1} << 48, kMaxLeaves = 1 << 20,
                  kMaxTotalLeaves = int64_t{1} << 24;
constexpr double kMaxElements = 0x1p53;

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

}  // namespace

absl::Status TypeChecker::Check(const xla::ShapeProto& shape, const std::string& path) {
  leaves_ = 0;
  return Visit(shape, path, 0);
}

absl::Status TypeChecker::Visit(const xla::ShapeProto& shape, const std::string& path, int depth) {
  if (depth > kMaxTupleDepth) {
    return Refuse(path, ": tuples nested deeper than ", kMaxTupleDepth);
  }
  const int type = shape.element_type();
  return type == xla::TUPLE || type == xla::BUFFER ? VisitTuple(shape, path, depth)
                                                   : VisitArray(shape, path);
}

absl::Status TypeChecker::VisitTuple(const xla::ShapeProto& shape, const std::string& path,
                                     int depth) {
  if (shape.dimensions_size() > 0) return Refuse(path, ".dimensions: a tuple has none");
  for (int i = 0; i < shape.tuple_shapes_size(); ++i) {
    const bool has_path = i < 100 || depth == 0;  // long paths of deep tuples cost too much
    RETURN_IF_ERROR(Visit(shape.tuple_shapes(i),
                          has_path ? absl::StrCat(path, ".tuple_shapes[", i, "]") : path,
                          depth + 1));
  }
  return absl::OkStatus();
}

absl::Status TypeChecker::VisitArray(const xla::ShapeProto& shape, const std::string& path) {
  const int rank = shape.dimensions_size(), marks = shape.is_dynamic_dimension_size();
  if (++leaves_ > kMaxLeaves || ++total_leaves_ > kMaxTotalLeaves) {
    return Refuse(path, ": too many array leaves");
  }
  if (shape.element_type() == xla::PRIMITIVE_TYPE_INVALID) {
    return Refuse(path, ".element_type: 0 or unknown, must be a known type");
  }
  if (shape.tuple_shapes_size() > 0) return Refuse(path, ".tuple_shapes: an array has none");
  if (rank > kMaxRank) {
    return Refuse(path, ".dimensions: ", rank, " of them, must be at most ", kMaxRank);
  }
  if (marks != 0 && marks != rank) {
    return Refuse(path, ".is_dynamic_dimension: must be one for each dimension, or none");
  }
  double elements = 1;
  for (int i = 0; i < rank; ++i) {
    const int64_t size = shape.dimensions(i);
    const bool is_unbounded = size == INT64_MIN && marks > 0 && shape.is_dynamic_dimension(i);
    if (is_unbounded) continue;
    if (size < 0 || size > kMaxDimension) {
      return Refuse(path, ".dimensions[", i, "]: ", size, ", must be in 0..2^48");
    }
    elements *= static_cast<double>(size);
    if (elements > kMaxElements) {
      return Refuse(path, ".dimensions: multiply to more than 2^53 elements");
    }
  }
  return absl::OkStatus();
}

}  // namespace automap

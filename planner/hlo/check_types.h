// Whether an array or tuple type is one that planning can index with.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "xla/hlo.pb.h"

namespace automap {

// Checks the types of one module: known element types, at most 32 dimensions, sizes that multiply
// without overflow, tuples at most 64 deep with at most 1 M leaves each and 16 M in all: nested
// tuples cannot multiply without bound.
class TypeChecker {
 public:
  // `path` is put in front of the message. Linear in the leaves.
  absl::Status Check(const xla::ShapeProto& shape, const std::string& path);

 private:
  absl::Status Visit(const xla::ShapeProto& shape, const std::string& path, int depth);
  absl::Status VisitTuple(const xla::ShapeProto& shape, const std::string& path, int depth);
  absl::Status VisitArray(const xla::ShapeProto& shape, const std::string& path);

  int64_t leaves_ = 0, total_leaves_ = 0;
};

}  // namespace automap

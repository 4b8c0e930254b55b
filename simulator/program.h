// What the simulator prices: a neutral list of compute and collective steps, and the buffers that
// live between them. It knows no HLO; the planner lowers a graph with shardings into it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/units.h"

namespace automap {

// How a kernel behaves, for efficiency.
enum class ComputeKind { kMatmul, kConvolution, kMemory };

// Element types that have a peak of their own; everything else counts as kF32.
enum class NumberType { kF32, kF16, kBF16, kF64, kS8, kF8 };

constexpr double BytesOf(NumberType type) {
  switch (type) {
    case NumberType::kF64:
      return 8;
    case NumberType::kF32:
      return 4;
    case NumberType::kF16:
    case NumberType::kBF16:
      return 2;
    case NumberType::kS8:
    case NumberType::kF8:
      return 1;
  }
  return 4;
}

// What the efficiency of a kernel depends on, on one device; zeros where it is not known.
struct KernelShape {
  // Of a matrix product's result; of the one that computes a convolution without Winograd.
  double rows = 0, columns = 0, batch = 1;
  double channels = 0;          // harmonic mean of a convolution's input and output channels
  double winograd_padding = 0;  // > 0: Winograd's algorithm serves it, padding its tiles by so much
  Bytes filters = {};           // of a convolution
  bool operator==(const KernelShape&) const = default;
};

// One kernel on every device: its share after splitting.
struct ComputeStep {
  ComputeKind kind = ComputeKind::kMemory;
  NumberType type = NumberType::kF32;
  Flops flops;
  Bytes bytes;           // read and written in device memory
  int32_t split = 1;     // how many devices share the whole operation
  int64_t repeats = 1;   // trip count of the loops around it
  int32_t launches = 1;  // 0: fused into a neighbour, no launch of its own
  KernelShape shape = {};
  double scale = 1;    // measured over modelled time, where it was measured
  int32_t label = -1;  // whose step it is; the maker's number
  bool operator==(const ComputeStep&) const = default;
};

enum class CollectiveKind {
  kAllReduce,
  kAllGather,
  kReduceScatter,
  kAllToAll,
  kPermute,
  kSendReceive
};

// One collective among the devices of one mesh axis.
struct CollectiveStep {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  int32_t axis = 0;  // index into the mesh
  Bytes bytes;       // of the full tensor that each device contributes
  int64_t repeats = 1;
  int32_t label = -1;    // whose step it is; the maker's number
  int32_t overlaps = 0;  // how many compute steps that follow run meanwhile
  // Nothing waits for it: it runs as one with others of its kind, of so many bytes in all; 0:
  // alone.
  Bytes combined = {0};
  bool operator==(const CollectiveStep&) const = default;
};

using Step = std::variant<ComputeStep, CollectiveStep>;

enum class BufferRole { kVariable, kOptimizerState, kOtherState, kInput, kActivation };

// Memory on every device, from the beginning of first_step to the end of last_step.
struct Buffer {
  Bytes bytes;
  int32_t first_step = 0;
  int32_t last_step = 0;
  BufferRole role = BufferRole::kActivation;
  int32_t label = -1;  // index into Program::labels, or -1
  bool operator==(const Buffer&) const = default;
};

struct Program {
  std::vector<Step> steps;  // in order of execution
  std::vector<Buffer> buffers;
  std::vector<std::string> labels;
  bool operator==(const Program&) const = default;
};

// Named axes laid row-major over the cluster's devices from device `first_device` on: the last axis
// holds consecutive devices.
struct Mesh {
  struct Axis {
    std::string name;
    int32_t size = 1;
    bool operator==(const Axis&) const = default;
  };
  std::vector<Axis> axes;
  int32_t first_device = 0;
  bool operator==(const Mesh&) const = default;
};

}  // namespace automap

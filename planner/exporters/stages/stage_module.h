// One program of a stage as a module of its own.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "planner/exporters/stages/stage_programs.h"
#include "xla/hlo.pb.h"

namespace automap {

// A result of the program that may take the place of one of its parameters.
struct StageAlias {
  int32_t result = 0, parameter = 0;  // indices into the program's results and imports
};

// A parameter for each import, a tuple of the results (one alone is the root itself), and the
// computations that are applied. `graph` is of a module without calls. UNIMPLEMENTED when a token
// or an opaque value would cross from one program to another. Linear in what the program holds.
absl::StatusOr<xla::HloModuleProto> StageModule(const Graph& graph, const EntryValues& values,
                                                const StageProgram& program,
                                                const std::vector<StageAlias>& aliases,
                                                const std::string& name);

// The shape of an array that the entry makes.
const xla::ShapeProto& ShapeOf(const Graph& graph, const Definition& definition);

}  // namespace automap

// Reads an HLO module from whatever bytes a user has.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/hlo/module_index.h"

namespace google::protobuf {
class Arena;
}

namespace automap {

// What a module may cost at most. Checked before the memory is spent.
struct ReadLimits {
  // Bytes after decompression.
  int64_t max_bytes = int64_t{256} << 20;
  int64_t max_instructions = 2'000'000;
  int64_t max_computations = 100'000;
  // Estimate for the parsed message (binary input).
  int64_t max_memory_bytes = int64_t{4} << 30;
};

enum class ModuleFormat { kProto, kText, kJson, kTextProto };

// A module in memory: the message in its arena, and its index. Movable; the message lives as long
// as the module.
struct HloModule {
  std::shared_ptr<google::protobuf::Arena> arena;
  const xla::HloModuleProto* proto = nullptr;
  ModuleIndex index;
  ModuleFormat format = ModuleFormat::kProto;
  // Bytes after decompression, and their SHA-256 in hex.
  int64_t byte_count = 0;
  std::string sha256;
};

// Reads HloModuleProto, HloProto or HloSnapshot, HLO text, proto JSON or protobuf text, gzipped or
// not, told apart by content. The result has passed CheckModule (check_module.h): everything behind
// it trusts the module. INVALID_ARGUMENT with the path of the first mistake, RESOURCE_EXHAUSTED
// beyond a limit.
absl::StatusOr<HloModule> ReadModule(absl::string_view bytes, const ReadLimits& limits = {});

}  // namespace automap

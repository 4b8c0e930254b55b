#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

using Dims = RandomModule::Dims;

// A collective of the user's over one array; gathers and scatters change one dim.
void AddCollective(RandomModule& module, Opcode opcode) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const int64_t dim = module.Below(x.dims.size());
  Dims to = x.dims;
  std::string attributes;
  switch (opcode) {
    case Opcode::kAllGather:
      to[dim] *= 2;
      attributes = absl::StrCat(", dimensions={", dim, "}");
      break;
    case Opcode::kReduceScatter:
      to[dim] = to[dim] % 2 == 0 ? to[dim] / 2 : to[dim];
      attributes = absl::StrCat(", dimensions={", dim, "}, to_apply=add_f32");
      break;
    case Opcode::kAllToAll:
      attributes = absl::StrCat(", dimensions={", dim, "}");
      break;
    case Opcode::kAllReduce:
      attributes = ", to_apply=add_f32";
      break;
    case Opcode::kCollectivePermute:
      attributes = ", source_target_pairs={{0,0}}";
      break;
    default:
      break;
  }
  module.Emit("f32", to, absl::StrCat(OpcodeName(opcode), "(", x.name, ")", attributes));
}

void AddRaggedAllToAll(RandomModule& module) {
  const Dims dims = module.Shape(1, 3);
  std::string operands = module.Operand("f32", dims).name;
  absl::StrAppend(&operands, ", ", module.Operand("f32", dims).name);
  for (int i = 0; i < 4; ++i) absl::StrAppend(&operands, ", ", module.Operand("s32", {2}).name);
  module.Emit("f32", dims, absl::StrCat("ragged-all-to-all(", operands, ")"));
}

// The two halves of an operation that runs beside others.
void AddStarted(RandomModule& module, Opcode opcode) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const std::string shape = ShapeText("f32", x.dims);
  switch (opcode) {
    case Opcode::kAllReduceDone:
    case Opcode::kAllReduceStart: {
      const std::string start =
          module.Raw(shape, absl::StrCat("all-reduce-start(", x.name, "), to_apply=add_f32"));
      module.Emit("f32", x.dims, absl::StrCat("all-reduce-done(", start, ")"));
      return;
    }
    case Opcode::kAllGatherDone:
    case Opcode::kAllGatherStart: {
      Dims to = x.dims;
      to[0] *= 2;
      const std::string start =
          module.Raw(absl::StrCat("(", shape, ", ", ShapeText("f32", to), ")"),
                     absl::StrCat("all-gather-start(", x.name, "), dimensions={0}"));
      module.Emit("f32", to, absl::StrCat("all-gather-done(", start, ")"));
      return;
    }
    case Opcode::kCopyDone:
    case Opcode::kCopyStart: {
      const std::string start = module.Raw(absl::StrCat("(", shape, ", ", shape, ", u32[])"),
                                           absl::StrCat("copy-start(", x.name, ")"));
      module.Emit("f32", x.dims, absl::StrCat("copy-done(", start, ")"));
      return;
    }
    default: {
      const std::string start = module.Raw(
          absl::StrCat("(", shape, ", ", shape, ", u32[], u32[])"),
          absl::StrCat("collective-permute-start(", x.name, "), source_target_pairs={{0,0}}"));
      module.Emit("f32", x.dims, absl::StrCat("collective-permute-done(", start, ")"));
    }
  }
}

void AddTransferToHost(RandomModule& module, Opcode opcode) {
  const std::string token = module.Raw("token[]", "after-all()");
  const RandomValue x = module.AnyOperand("f32", 1);
  const std::string shape = ShapeText("f32", x.dims);
  switch (opcode) {
    case Opcode::kInfeed: {
      const std::string tuple =
          module.Raw(absl::StrCat("(", shape, ", token[])"), absl::StrCat("infeed(", token, ")"));
      module.Emit("f32", x.dims, absl::StrCat("get-tuple-element(", tuple, "), index=0"));
      return;
    }
    case Opcode::kOutfeed:
      module.Raw("token[]", absl::StrCat("outfeed(", x.name, ", ", token, ")"));
      return;
    case Opcode::kRecv:
    case Opcode::kRecvDone: {
      const std::string start = module.Raw(absl::StrCat("(", shape, ", u32[], token[])"),
                                           absl::StrCat("recv(", token, "), channel_id=1"));
      const std::string done = module.Raw(absl::StrCat("(", shape, ", token[])"),
                                          absl::StrCat("recv-done(", start, "), channel_id=1"));
      module.Emit("f32", x.dims, absl::StrCat("get-tuple-element(", done, "), index=0"));
      return;
    }
    default: {
      const std::string start =
          module.Raw(absl::StrCat("(", shape, ", u32[], token[])"),
                     absl::StrCat("send(", x.name, ", ", token, "), channel_id=2"));
      module.Raw("token[]", absl::StrCat("send-done(", start, "), channel_id=2"));
    }
  }
}

void AddRandom(RandomModule& module, Opcode opcode) {
  const Dims dims = module.Shape(1, 3);
  if (opcode == Opcode::kRng) {
    const std::string low = module.Operand("f32", {}).name;
    const std::string high = module.Operand("f32", {}).name;
    module.Emit("f32", dims, absl::StrCat("rng(", low, ", ", high, "), distribution=rng_uniform"));
  } else if (opcode == Opcode::kRngBitGenerator) {
    module.EmitTuple({{"u64", "", {2}}, {"u32", "", dims}},
                     absl::StrCat("rng-bit-generator(", module.Operand("u64", {2}).name,
                                  "), algorithm=rng_default"));
  } else {
    module.Emit("u64", {2}, "rng-get-and-update-state(), delta=1");
  }
}

void AddSizes(RandomModule& module, Opcode opcode) {
  const RandomValue x = module.AnyOperand("f32", 1);
  const int64_t dim = module.Below(x.dims.size());
  if (opcode == Opcode::kGetDimensionSize) {
    module.Emit("s32", {},
                absl::StrCat("get-dimension-size(", x.name, "), dimensions={", dim, "}"));
    return;
  }
  std::string shape = "f32[";
  for (size_t d = 0; d < x.dims.size(); ++d) {
    const bool is_set = static_cast<int64_t>(d) == dim;
    absl::StrAppend(&shape, d > 0 ? "," : "", is_set ? "<=" : "", x.dims[d]);
  }
  module.Raw(shape + "]",
             absl::StrCat("set-dimension-size(", x.name, ", ", module.Operand("s32", {}).name,
                          "), dimensions={", dim, "}"));
}

void AddCustomCall(RandomModule& module) {
  constexpr const char* kTargets[] = {"Sharding", "mystery", "LayoutConstraint", "MoveToHost"};
  const RandomValue x = module.AnyOperand("f32", 1);
  module.Emit("f32", x.dims,
              absl::StrCat("custom-call(", x.name, "), custom_call_target=\"",
                           kTargets[module.Below(4)], "\""));
}

}  // namespace

bool AddTransfer(RandomModule& module, Opcode opcode) {
  switch (opcode) {
    case Opcode::kAllGather:
    case Opcode::kAllReduce:
    case Opcode::kAllToAll:
    case Opcode::kCollectiveBroadcast:
    case Opcode::kCollectivePermute:
    case Opcode::kReduceScatter:
      return AddCollective(module, opcode), true;
    case Opcode::kRaggedAllToAll:
      return AddRaggedAllToAll(module), true;
    case Opcode::kAllGatherDone:
    case Opcode::kAllGatherStart:
    case Opcode::kAllReduceDone:
    case Opcode::kAllReduceStart:
    case Opcode::kCollectivePermuteDone:
    case Opcode::kCollectivePermuteStart:
    case Opcode::kCopyDone:
    case Opcode::kCopyStart:
      return AddStarted(module, opcode), true;
    case Opcode::kInfeed:
    case Opcode::kOutfeed:
    case Opcode::kRecv:
    case Opcode::kRecvDone:
    case Opcode::kSend:
    case Opcode::kSendDone:
      return AddTransferToHost(module, opcode), true;
    case Opcode::kRng:
    case Opcode::kRngBitGenerator:
    case Opcode::kRngGetAndUpdateState:
      return AddRandom(module, opcode), true;
    case Opcode::kGetDimensionSize:
    case Opcode::kSetDimensionSize:
      return AddSizes(module, opcode), true;
    case Opcode::kPartitionId:
    case Opcode::kReplicaId:
      module.Emit("u32", {}, absl::StrCat(OpcodeName(opcode), "()"));
      return true;
    case Opcode::kCustomCall:
      return AddCustomCall(module), true;
    default:
      return false;
  }
}

}  // namespace automap

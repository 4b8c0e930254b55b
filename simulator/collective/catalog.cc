#include "simulator/collective/catalog.h"

#include "simulator/collective/cheapest.h"
#include "simulator/collective/in_switch.h"
#include "simulator/collective/pairwise.h"
#include "simulator/collective/ring.h"
#include "simulator/collective/tree.h"

namespace automap {
namespace {

const RingModel kAllReduceRing(2, kSimple), kAllReduceRingLl(2, kLowLatency),
    kAllReduceRingLl128(2, kLowLatency128);
const TreeModel kTree(kSimple), kTreeLl(kLowLatency);
const InSwitchModel kInSwitch;
const RingModel kGatherRing(1, kSimple), kGatherRingLl(1, kLowLatency),
    kGatherRingLl128(1, kLowLatency128);
const AllToAllModel kAllToAll;
const PermuteModel kPermute;
const SendReceiveModel kSendReceive;

const CurveModel* const kAllReduces[] = {&kAllReduceRing, &kAllReduceRingLl, &kAllReduceRingLl128,
                                         &kTree,          &kTreeLl,          &kInSwitch};
const CurveModel* const kGathers[] = {&kGatherRing, &kGatherRingLl, &kGatherRingLl128};
const CheapestModel kAllReduce(kAllReduces);
const CheapestModel kGather(kGathers);

const CollectiveRow kRows[] = {
    {CollectiveKind::kAllReduce, "ALL_REDUCE", &kAllReduce},
    {CollectiveKind::kAllGather, "ALL_GATHER", &kGather},
    {CollectiveKind::kReduceScatter, "REDUCE_SCATTER", &kGather},
    {CollectiveKind::kAllToAll, "ALL_TO_ALL", &kAllToAll},
    {CollectiveKind::kPermute, "PERMUTE", &kPermute},
    {CollectiveKind::kSendReceive, "SEND_RECV", &kSendReceive},
};

}  // namespace

absl::Span<const CollectiveRow> CollectiveCatalog() { return kRows; }

const CheapestModel& AllReduceModel() { return kAllReduce; }

}  // namespace automap

#include "simulator/collective/catalog.h"

#include "simulator/collective/ring.h"

namespace automap {
namespace {

double TwiceRound(double n) { return 2 * (n - 1); }
double Round(double n) { return n - 1; }
double One(double) { return 1; }
double AllReduceVolume(double n) { return 2 * (n - 1) / n; }
double GatherVolume(double n) { return (n - 1) / n; }
double ExchangeVolume(double n) { return (n - 1) / (n * n); }
double BlockVolume(double n) { return 1 / n; }

const RingModel kAllReduceRing(TwiceRound, AllReduceVolume);
const RingModel kGatherRing(Round, GatherVolume);
const RingModel kExchangeRing(Round, ExchangeVolume);
const RingModel kPermuteRing(One, BlockVolume);
const RingModel kSendReceive(One, One);

const CollectiveRow kRows[] = {
    {CollectiveKind::kAllReduce, "ALL_REDUCE", &kAllReduceRing},
    {CollectiveKind::kAllGather, "ALL_GATHER", &kGatherRing},
    {CollectiveKind::kReduceScatter, "REDUCE_SCATTER", &kGatherRing},
    {CollectiveKind::kAllToAll, "ALL_TO_ALL", &kExchangeRing},
    {CollectiveKind::kPermute, "PERMUTE", &kPermuteRing},
    {CollectiveKind::kSendReceive, "SEND_RECV", &kSendReceive},
};

}  // namespace

absl::Span<const CollectiveRow> CollectiveCatalog() { return kRows; }

}  // namespace automap

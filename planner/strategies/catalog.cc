#include "planner/strategies/strategies.h"

namespace automap {
namespace {

const StrategyRow kRows[] = {
    {.name = "adp", .start = StartDataParallelism},
    {.name = "opp", .start = StartOperators, .has_model_axis = true},
    {.name = "pp", .start = StartPipeline, .has_stages = true, .takes_profiles = true},
    {.name = "hybrid", .start = StartHybrid, .has_stages = true, .has_model_axis = true},
};

}  // namespace

absl::Span<const StrategyRow> StrategyCatalog() { return kRows; }

}  // namespace automap

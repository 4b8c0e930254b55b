#include <set>

#include "planner/strategy_names.h"
#include "simulator/cluster/presets.h"
#include "tests/contracts/strategy_contract.h"
#include "tests/support/training_step.h"

namespace automap {
namespace {

class EveryStrategy : public testing::TestWithParam<StrategyRow> {};

TEST_P(EveryStrategy, KeepsTheContract) {
  StrategyContract(GetParam(), PerceptronStep(64, {1024, 1024, 1024, 1024}),
                   *ClusterPreset("v100x2x2-25gbps"))
      .Check();
}

INSTANTIATE_TEST_SUITE_P(Catalog, EveryStrategy,
                         testing::ValuesIn(StrategyCatalog().begin(), StrategyCatalog().end()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(StrategyCatalog, HasTheNamesThatRequestsMayUse) {
  std::set<absl::string_view> rows = {"auto"};
  for (const StrategyRow& row : StrategyCatalog()) rows.insert(row.name);
  EXPECT_EQ(rows,
            std::set<absl::string_view>(std::begin(kStrategyNames), std::end(kStrategyNames)));
  EXPECT_EQ(StrategyNamesInWords(), "auto, adp, opp, pp or hybrid");
}

}  // namespace
}  // namespace automap

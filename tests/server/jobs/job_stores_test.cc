// The contract against the stores that need nothing but a folder.
#include "server/jobs/catalog.h"
#include "server/jobs/sqlite_job_store.h"
#include "tests/contracts/job_store_contract.h"

namespace automap {
namespace {

INSTANTIATE_TEST_SUITE_P(Sqlite, JobStoreContract,
                         testing::Values(StoreUnderTest{"sqlite", OpenSqliteJobStore, false}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(JobStores, CatalogueNamesSqliteFirst) {
  ASSERT_FALSE(JobStores().empty());
  EXPECT_STREQ(JobStores()[0].scheme, "sqlite");
}

}  // namespace
}  // namespace automap

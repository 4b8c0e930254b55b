#include "server/jobs/catalog.h"

#include "server/jobs/sqlite_job_store.h"

namespace automap {
namespace {

constexpr JobStoreRow kRows[] = {
    {"sqlite", OpenSqliteJobStore},
};

}  // namespace

absl::Span<const JobStoreRow> JobStores() { return kRows; }

}  // namespace automap

#include "server/jobs/catalog.h"

#include "server/jobs/postgres_job_store.h"
#include "server/jobs/sqlite_job_store.h"

namespace automap {
namespace {

constexpr JobStoreRow kRows[] = {
    {"sqlite", [](const StorePlace& place) { return OpenSqliteJobStore(place.folder); }},
    {"postgres", [](const StorePlace& place) { return OpenPostgresJobStore(place.database); }},
};

}  // namespace

absl::Span<const JobStoreRow> JobStores() { return kRows; }

}  // namespace automap

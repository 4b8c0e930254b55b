#include "server/jobs/catalog.h"

#include "server/jobs/sqlite_job_store.h"

namespace automap {
namespace {

constexpr JobStoreRow kRows[] = {
    {"sqlite", [](const StorePlace& place) { return OpenSqliteJobStore(place.folder); }},
};

}  // namespace

absl::Span<const JobStoreRow> JobStores() { return kRows; }

}  // namespace automap

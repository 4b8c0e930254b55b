// Which stores there are. To add one: write it beside sqlite_job_store.h, add its row in
// catalog.cc.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/jobs/job_store.h"

namespace automap {

// Where a store keeps its jobs; each uses what it needs.
struct StorePlace {
  std::string folder;    // its own, exists
  std::string database;  // how to reach a database server
};

struct JobStoreRow {
  const char* scheme;  // as in --store SCHEME
  absl::StatusOr<std::unique_ptr<JobStore>> (*open)(const StorePlace& place);
};

absl::Span<const JobStoreRow> JobStores();

}  // namespace automap

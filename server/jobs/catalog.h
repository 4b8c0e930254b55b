// Which stores there are. To add one: write it beside sqlite_job_store.h, add its row in
// catalog.cc.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/jobs/job_store.h"

namespace automap {

struct JobStoreRow {
  const char* scheme;  // as in --store SCHEME
  // Opens the store in a folder of its own, which exists.
  absl::StatusOr<std::unique_ptr<JobStore>> (*open)(const std::string& folder);
};

absl::Span<const JobStoreRow> JobStores();

}  // namespace automap

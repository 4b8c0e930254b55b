// How a pending job comes into the hands of one runner, and stays there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/jobs/job_store.h"
#include "server/jobs/sql.h"

namespace automap {

// Whether a job of others than `callers` is pending. Cheap, however many of theirs are. Needs no
// transaction.
absl::StatusOr<bool> OthersWait(SqlConnection& connection, std::vector<std::string> callers);

// As JobStore::ClaimNext says. Inside a transaction.
absl::StatusOr<std::optional<Claim>> ClaimPending(SqlConnection& connection, absl::Time now,
                                                  absl::Duration lease, const ClaimFilter& filter);

// As JobStore::Renew says. Needs no transaction.
absl::StatusOr<v1::PlanJob> RenewClaim(SqlConnection& connection, const std::string& name,
                                       int64_t fence, absl::Duration lease);

}  // namespace automap

// Files that are either whole on disk or not there.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace automap {

// The present errno as a status: RESOURCE_EXHAUSTED with reason STORE_FULL where there is no room,
// else UNAVAILABLE. `what` begins the message.
absl::Status IoError(absl::string_view what);

// Until the folder's names are on disk.
absl::Status SyncFolder(const std::string& folder);

// Puts `bytes` in place of `folder`/`name`: written beside, synced, renamed, synced. Whoever reads
// it, whenever anything dies, finds the old bytes or the new ones. Failpoints
// `points`.before_write, .after_write, .before_rename, .after_rename, .after_folder_sync.
absl::Status WriteDurably(const std::string& folder, const std::string& name,
                          absl::string_view bytes, const std::string& points);

// What WriteDurably leaves beside when it dies: such names end with ".new-" and eight hex digits.
bool IsUnfinished(absl::string_view name);

}  // namespace automap

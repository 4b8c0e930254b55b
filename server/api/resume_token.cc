#include "server/api/resume_token.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/sha256.h"

namespace automap {
namespace {

std::string Mark(const std::string& job) { return Sha256Hex(job).substr(0, 8); }

}  // namespace

std::string ResumeToken(const std::string& job, int64_t sequence) {
  return absl::StrCat(sequence, "-", Mark(job));
}

absl::StatusOr<int64_t> ParseResumeToken(const std::string& job, absl::string_view token) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(token, absl::MaxSplits('-', 1));
  int64_t sequence = 0;
  if (absl::SimpleAtoi(parts.first, &sequence) && sequence >= 0 && parts.second == Mark(job))
    return sequence;
  return absl::OutOfRangeError(
      "resume_token: not one of this job's; begin again with an empty one");
}

}  // namespace automap

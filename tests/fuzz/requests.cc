// Bytes as the requests that the server checks, and as its tokens.
#include <cstdlib>

#include "automap/v1/planner.pb.h"
#include "server/api/resume_token.h"
#include "server/api/validate.h"
#include "server/blobs/content_digest.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const automap::Limits limits;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  automap::v1::CreatePlanJobRequest create;
  if (create.ParseFromString(bytes)) {
    automap::CheckSpec(create.spec(), limits).status().IgnoreError();
    automap::CheckOptions(create.options(), limits).IgnoreError();
    automap::CheckRequestId(create.request_id(), limits).IgnoreError();
  }
  automap::v1::UploadModuleRequest upload;
  if (upload.ParseFromString(bytes)) {
    automap::CheckHeader(upload.header(), limits).IgnoreError();
    automap::CheckChunk(upload.chunk(), limits).IgnoreError();
  }
  automap::ParseResumeToken("planJobs/x", bytes).status().IgnoreError();
  // A token is read as it was made, for any job.
  const auto sequence =
      automap::ParseResumeToken(bytes, automap::ResumeToken(bytes, create.ByteSizeLong()));
  if (!sequence.ok() || *sequence != static_cast<int64_t>(create.ByteSizeLong())) abort();
  automap::CheckPageSize(create.options().priority(), limits).status().IgnoreError();
  automap::CheckInlineSize("module", upload.header().size_bytes(), limits).IgnoreError();
  automap::ModuleDigest(bytes).status().IgnoreError();
  automap::CheckJobName(bytes).IgnoreError();
  automap::ContentDigest(bytes, 1 << 20);
  return 0;
}

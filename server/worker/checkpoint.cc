#include "server/worker/checkpoint.h"

#include <elf.h>
#include <link.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/canonical_bytes.h"
#include "base/sha256.h"
#include "base/version.h"

namespace automap {
namespace {

constexpr char kMagic[] = "AMAPCKP1";
constexpr size_t kDigestBytes = 32;

std::string DigestOf(absl::string_view bytes) { return absl::HexStringToBytes(Sha256Hex(bytes)); }

// Notes of one loaded object; the program itself comes first.
int TakeBuildId(dl_phdr_info* object, size_t, void* result) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(object->dlpi_addr + header.p_vaddr);
    const char* end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(at);
      const char* content = at + sizeof(note) + ((note.n_namesz + 3) & ~3u);
      if (note.n_type == NT_GNU_BUILD_ID)
        static_cast<std::string*>(result)->assign(content, note.n_descsz);
      at = content + ((note.n_descsz + 3) & ~3u);
    }
  }
  return 1;  // no other object
}

std::string BuildId() {
  std::string id;
  dl_iterate_phdr(TakeBuildId, &id);
  return id;
}

}  // namespace

std::string SealCheckpoint(absl::string_view journal, const std::string& fingerprint) {
  const std::string content = absl::StrCat(fingerprint, journal);
  return absl::StrCat(kMagic, DigestOf(content), content);
}

absl::StatusOr<std::string> OpenCheckpoint(absl::string_view sealed,
                                           const std::string& fingerprint) {
  if (!absl::ConsumePrefix(&sealed, kMagic) || sealed.size() < 2 * kDigestBytes)
    return absl::DataLossError("checkpoint: not one of this version");
  const absl::string_view content = sealed.substr(kDigestBytes);
  if (DigestOf(content) != sealed.substr(0, kDigestBytes))
    return absl::DataLossError("checkpoint: damaged");
  if (content.substr(0, kDigestBytes) != fingerprint)
    return absl::FailedPreconditionError("checkpoint: of another question or program");
  return std::string(content.substr(kDigestBytes));
}

std::string FingerprintOf(const worker::v1::PlanTask& task) {
  const std::string cluster = CanonicalBytes(task.cluster());
  const std::string options = CanonicalBytes(task.options());
  return DigestOf(absl::StrCat(kPlannerVersion, "\n", absl::BytesToHexString(BuildId()), "\n",
                             Sha256Hex(task.module()), "\n", cluster.size(), "\n", cluster,
                             options));
}

}  // namespace automap

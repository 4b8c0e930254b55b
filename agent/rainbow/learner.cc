#include "agent/rainbow/learner.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace automap {
namespace {

using Entry = const TorchLearner* (*)();

// Beside the program, where programs are when this is a test's, or where packages keep libraries.
absl::StatusOr<const TorchLearner*> Load() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string why;
  for (const char* folder : {".", "../bin", "../lib/automap"}) {
    const std::string path = program.parent_path() / folder / kTorchLearnerFile;
    void* library = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) {
      absl::StrAppend(&why, why.empty() ? "" : "; ", dlerror());
      continue;
    }
    const Entry entry = reinterpret_cast<Entry>(dlsym(library, kTorchLearnerEntry));
    if (entry != nullptr) return entry();
    absl::StrAppend(&why, why.empty() ? "" : "; ", path, ": has no ", kTorchLearnerEntry);
  }
  return absl::UnavailableError(absl::StrCat("LibTorch cannot be loaded: ", why));
}

// Loaded once and for good.
const absl::StatusOr<const TorchLearner*>& Torch() {
  static const auto* const kTorch = new absl::StatusOr<const TorchLearner*>(Load());
  return *kTorch;
}

}  // namespace

Learner::Learner(double learning_rate) : learning_rate_(learning_rate) {}
Learner::~Learner() = default;

AdamMoments Learner::moments() const { return step_ == nullptr ? start_ : step_->moments(); }

absl::StatusOr<std::vector<float>> Learner::Step(const ReplayBatch& batch,
                                                 const std::vector<float>& targets,
                                                 QNetwork& network) {
  if (step_ == nullptr) {
    RETURN_IF_ERROR(Torch().status());
    ASSIGN_OR_RETURN(step_, (*Torch())->create(network, learning_rate_, start_));
  }
  return step_->Step(batch, targets, network);
}

absl::StatusOr<std::vector<float>> TorchForward(const QNetwork& network,
                                                const std::vector<float>& observations, int count) {
  RETURN_IF_ERROR(Torch().status());
  return (*Torch())->forward(network, observations, count);
}

}  // namespace automap

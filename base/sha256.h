// SHA-256 as lower-case hex, all at once or piece by piece.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace automap {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Update(absl::string_view bytes);
  // Once, at the end.
  std::string Hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(absl::string_view bytes);

}  // namespace automap

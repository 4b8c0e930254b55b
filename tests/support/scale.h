// How often tests repeat what is random.
#pragma once

#include <cstdlib>
#include <string>

namespace automap {

// `few` in an ordinary run; tests/torture asks for `many`.
inline int Times(int few, int many) {
  const char* torture = std::getenv("AUTOMAP_TORTURE");
  return torture != nullptr && std::string(torture) == "1" ? many : few;
}

}  // namespace automap

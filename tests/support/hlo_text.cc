#include "tests/support/hlo_text.h"

#include <cstdio>
#include <cstdlib>

namespace automap {

Graph GraphFromText(absl::string_view text) {
  auto module = ReadModule(text);
  if (!module.ok()) {
    std::fprintf(stderr, "%s\n", module.status().ToString().c_str());
    std::abort();
  }
  auto graph = BuildGraph(*std::move(module));
  if (!graph.ok()) std::abort();
  return *std::move(graph);
}

}  // namespace automap

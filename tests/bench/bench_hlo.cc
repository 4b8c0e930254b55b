// bench-hlo: how fast modules are read and made graphs of, and what they take in memory. Best of
// five.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "google/protobuf/arena.h"
#include "planner/graph/build_graph.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Run(const std::string& name, const std::string& suffix) {
  const std::string bytes = ReadZooFile(name, suffix);
  if (bytes.empty()) return;
  double read = 1e9, build = 1e9, memory = 0;
  for (int i = 0; i < 5; ++i) {
    const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const double start = Now();
    auto module = ReadModule(bytes);
    const double middle = Now();
    const auto graph = BuildGraph(*std::move(module));
    build = std::min(build, Now() - middle);
    read = std::min(read, middle - start);
    memory = static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before);
  }
  std::printf(
      "%-18s %-11s %8.2f MB  read %8.2f ms (%6.1f MB/s)  graph %8.2f ms  memory %6.2f bytes per "
      "byte\n",
      name.c_str(), suffix.c_str(), bytes.size() / 1e6, 1e3 * read, bytes.size() / 1e6 / read,
      1e3 * build, memory / bytes.size());
}

}  // namespace
}  // namespace automap

int main() {
  for (const std::string& name : automap::ZooNames()) {
    automap::Run(name, ".hlo.pb.gz");
    automap::Run(name, ".hlo.txt.gz");
  }
}

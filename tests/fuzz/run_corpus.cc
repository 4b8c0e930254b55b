// Runs a fuzz target on every file of the given folders. Fails when there is none, and when an
// input takes longer than a second or the process more than 512 MiB.
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/fuzz/fuzz.h"

int main(int argc, char** argv) {
  int inputs = 0;
  double longest_s = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::stringstream bytes;
      bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      const std::string text = bytes.str();
      // Also what is cut off anywhere in it.
      for (const size_t size : {text.size(), text.size() / 2, text.size() / 3}) {
        const auto begin = std::chrono::steady_clock::now();
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), size);
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
        longest_s = std::max(longest_s, time.count());
        ++inputs;
      }
    }
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << inputs << " inputs, the longest took " << longest_s << " s, "
            << usage.ru_maxrss / 1024 << " MiB\n";
  return inputs > 0 && longest_s < 1 && usage.ru_maxrss < 512 * 1024 ? 0 : 1;
}

// write_random_module SEED OPCODE,...|- [COUNT]: HLO text of COUNT operations (1), each of one of
// those opcodes (-: any), on random shapes, as the property tests draw them.
#include <cstdlib>
#include <iostream>

#include "absl/strings/str_split.h"
#include "tests/support/random_module/random_module.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: write_random_module SEED OPCODE,...|- [COUNT]\n";
    return 2;
  }
  automap::RandomModule module(std::strtoull(argv[1], nullptr, 10));
  const std::vector<std::string> names = absl::StrSplit(argv[2], ',');
  const int count = argc > 3 ? std::atoi(argv[3]) : 1;
  for (int i = 0; i < count; ++i) {
    const std::string& name = names[module.Below(static_cast<int64_t>(names.size()))];
    if (name == "-") {
      module.AddAny();
    } else if (!module.Add(automap::OpcodeFromName(name))) {
      std::cerr << name << ": no operation of that opcode can be drawn\n";
      return 1;
    }
  }
  std::cout << module.Text();
}

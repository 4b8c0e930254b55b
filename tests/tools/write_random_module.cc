// write_random_module SEED OPCODE|- [COUNT]: HLO text with an operation of that opcode (-: COUNT
// random ones) on random shapes, as the property tests draw them.
#include <cstdlib>
#include <iostream>

#include "tests/support/random_module/random_module.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: write_random_module SEED OPCODE|- [COUNT]\n";
    return 2;
  }
  automap::RandomModule module(std::strtoull(argv[1], nullptr, 10));
  const automap::Opcode opcode = automap::OpcodeFromName(argv[2]);
  const int count = argc > 3 ? std::atoi(argv[3]) : 1;
  for (int i = 0; i < count; ++i) {
    if (opcode == automap::Opcode::kUnknown) {
      module.AddAny();
    } else if (!module.Add(opcode)) {
      std::cerr << argv[2] << ": no operation of that opcode can be drawn\n";
      return 1;
    }
  }
  std::cout << module.Text();
}

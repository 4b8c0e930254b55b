#include "tests/support/files.h"

#include <fstream>
#include <sstream>

namespace automap {

std::string TestData(const std::string& name) { return AUTOMAP_TEST_DATA "/" + name; }

std::string ReadTestData(const std::string& name) {
  std::stringstream bytes;
  bytes << std::ifstream(TestData(name), std::ios::binary).rdbuf();
  return bytes.str();
}

std::string ProductProgram(const std::string& name) { return AUTOMAP_BIN_DIR "/" + name; }
std::string TestProgram(const std::string& name) { return AUTOMAP_TEST_BIN "/" + name; }

}  // namespace automap

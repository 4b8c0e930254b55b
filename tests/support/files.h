// Where the tests' data and the programs under test are.
#pragma once

#include <string>

namespace automap {

// tests/data/NAME and its bytes as they are on disk; empty when there is no such file.
std::string TestData(const std::string& name);
std::string ReadTestData(const std::string& name);

// A program of the product, and a program or library that was built for the tests.
std::string ProductProgram(const std::string& name);
std::string TestProgram(const std::string& name);

}  // namespace automap

// The real modules under tests/data/zoo.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "planner/plan/prepared_module.h"

namespace automap {

// Names of all modules, smallest first.
std::vector<std::string> ZooNames();

// The file tests/data/zoo/NAME with `suffix`, unzipped; empty when there is none.
std::string ReadZooFile(const std::string& name, const std::string& suffix);

// The module's bytes as they are on disk (gzipped proto).
std::string ZooModule(const std::string& name);

// The module, ready for planning. Aborts when it cannot be read.
std::unique_ptr<const PreparedModule> PrepareZoo(const std::string& name);

// Test parameter to test name: letters and digits only.
std::string TestName(const std::string& name);

}  // namespace automap

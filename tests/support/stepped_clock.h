// A clock that a test sets forth and back under a process, by libfaketime.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace automap {

class SteppedClock {
 public:
  static bool IsInstalled() { return std::filesystem::exists(kLibrary); }

  // Keeps its state in `folder`; begins with the true time.
  explicit SteppedClock(const std::filesystem::path& folder) : file_((folder / "step").string()) {
    Set("+0");
  }

  // Seconds from the true time, with sign.
  void Set(const char* offset) const {
    std::ofstream(file_ + ".new") << offset << "\n";
    std::filesystem::rename(file_ + ".new", file_);
  }

  // Of the processes that go by it.
  std::vector<std::string> environment() const {
    return {std::string("LD_PRELOAD=") + kLibrary, "FAKETIME_TIMESTAMP_FILE=" + file_,
            "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"};
  }

 private:
  static constexpr char kLibrary[] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
  const std::string file_;
};

}  // namespace automap

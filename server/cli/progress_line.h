// Progress on stderr: a bar that redraws itself on a terminal, a line now and then elsewhere.
#pragma once

#include <string>

#include "automap/v1/job.pb.h"

namespace automap {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // leaves the terminal on a fresh line
  void Show(const v1::Progress& progress);

 private:
  const bool is_terminal_;
  bool is_drawn_ = false;
  v1::Progress::Phase last_phase_ = v1::Progress::PHASE_UNSPECIFIED;
  std::string last_engine_;
};

}  // namespace automap

// bench-cost-model: predicted beside published, row by row. Rows that a constant was fitted on are
// told apart; goals and limits are judged on the others alone.
//
//   bench-cost-model [--limits] [--write-doubt FILE] [training_steps.json [collectives.json]]
//
// 0 when every goal is met and simulator/doubt_constants.h is what the residuals give, 1 otherwise.
// With --limits, as the test takes it, no error may exceed what is reached today, goal or not.
// Files of one's own: 0.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "simulator/doubt_constants.h"
#include "tests/bench/cost_model/collective_sweeps.h"
#include "tests/bench/cost_model/layer_profiles.h"
#include "tests/bench/cost_model/training_steps.h"
#include "tests/support/files.h"

namespace automap {
namespace {

nlohmann::json ReadJson(const std::string& path) {
  std::ifstream file(path);
  if (!file) std::fprintf(stderr, "%s: cannot be read\n", path.c_str()), std::exit(2);
  return nlohmann::json::parse(file);
}

// Whether the committed constants are those that the residuals give; writes the header if asked to.
bool CheckDoubt(const Residuals& residuals, const std::string& path) {
  const DoubtConstants computed = DoubtFrom(residuals);
  PrintCoverage(residuals, computed);
  std::printf(
      "spread: compute %.3f, inside a server %.3f, across servers %.3f, each plan's own %.3f; "
      "%.3f spreads for nine in ten\n",
      computed.compute, computed.inside, computed.outside, computed.own, computed.nine_of_ten);
  if (!path.empty()) std::ofstream(path) << DoubtHeader(computed);
  const bool is_same = path.empty() ? computed == kDoubt : true;
  std::printf("simulator/doubt_constants.h: %s\n", is_same ? "the same" : "OUT OF DATE");
  return is_same;
}

bool Run(std::vector<std::string> arguments) {
  std::string doubt_path;
  const bool by_limits = !arguments.empty() && arguments[0] == "--limits";
  if (by_limits) arguments.erase(arguments.begin());
  if (arguments.size() >= 2 && arguments[0] == "--write-doubt") {
    doubt_path = arguments[1];
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  const std::string folder = TestData("published/");
  const bool is_ours = arguments.empty();
  Residuals residuals;
  const nlohmann::json document = ReadJson(is_ours ? folder + "training_steps.json" : arguments[0]);
  TrainingSteps steps(document);
  steps.Run(residuals);
  steps.LeaveOneSetOut();
  if (is_ours) RunLayerProfiles(ReadJson(folder + "v100_layers.json"));
  if (is_ours || arguments.size() > 1)
    RunCollectiveSweeps(ReadJson(is_ours ? folder + "collectives.json" : arguments[1]), residuals);
  const bool doubt_is_right = !is_ours || CheckDoubt(residuals, doubt_path);
  const Verdict verdict = steps.Judge();
  return !is_ours ||
         ((by_limits ? verdict.stays_within_limits : verdict.meets_goals) && doubt_is_right);
}

}  // namespace
}  // namespace automap

int main(int argc, char** argv) { return automap::Run({argv + 1, argv + argc}) ? 0 : 1; }

// A search that is killed anywhere and goes on from its last journal ends with the same plan.
#include <random>

#include "gtest/gtest.h"
#include "planner/plan_module.h"
#include "simulator/cluster/presets.h"
#include "tests/support/zoo.h"

namespace automap {
namespace {

struct Case {
  const char* name;
  const char* module;
  const char* cluster;
  const char* strategy;
  const char* preset;
  int64_t decisions;
  bool robust = false;
};

class Resume : public testing::TestWithParam<Case> {
 protected:
  struct Searched {
    std::string plan;  // without the time it took
    std::vector<std::string> journals;
  };

  static Searched Search(const std::string& journal) {
    const Case& test = GetParam();
    v1::PlanOptions options;
    options.set_strategy(test.strategy);
    options.set_preset(test.preset);
    options.set_seed(5);
    options.set_max_decisions(test.decisions);
    options.set_robust(test.robust);
    options.set_ignore_memory(true);
    Searched run;
    SearchJournal notes(
        journal, absl::ZeroDuration(),
        [&](const std::string& written) { run.journals.push_back(written); },
        /*share=*/1e9);  // at every border
    auto plan = PlanModule(
        ZooModule(test.module), *ClusterPreset(test.cluster), options, {}, [] { return false; },
        &notes);
    EXPECT_TRUE(plan.ok()) << plan.status();
    plan->mutable_search()->clear_wall_s();
    run.plan = plan->SerializeAsString();
    return run;
  }
};

TEST_P(Resume, EndsWithTheUndisturbedPlan) {
  const Searched whole = Search("");
  ASSERT_GT(whole.journals.size(), 3u);
  std::mt19937 random(11);
  for (int round = 0; round < 4; ++round) {
    const size_t at = random() % whole.journals.size();
    EXPECT_TRUE(Search(whole.journals[at]).plan == whole.plan)
        << "journal " << at << " of " << whole.journals.size();
  }
  EXPECT_LT(Search(whole.journals.back()).journals.size(), whole.journals.size() / 2)
      << "what is known is not searched for again";
}

TEST_P(Resume, EndsWithTheUndisturbedPlanHoweverOftenItDies) {
  const Searched whole = Search("");
  std::mt19937 random(12);
  std::string journal;
  for (int round = 0; round < 3; ++round) {
    const Searched next = Search(journal);
    if (next.journals.empty()) break;
    journal = next.journals[random() % next.journals.size()];
  }
  EXPECT_TRUE(Search(journal).plan == whole.plan);
}

TEST_P(Resume, AForeignJournalIsAsGoodAsNone) {
  EXPECT_TRUE(Search("no journal at all").plan == Search("").plan);
}

INSTANTIATE_TEST_SUITE_P(
    Searches, Resume,
    testing::Values(Case{"Opp", "vgg19", "v100x8x1-25gbps", "opp", "default", 1000},
                    Case{"OppPaper", "mlp", "v100x4x1-25gbps", "opp", "paper", 400},
                    Case{"Adp", "mlp", "v100x4x1-25gbps", "adp", "default", 200},
                    Case{"Pp", "vgg19", "v100x2x2-25gbps", "pp", "default", 60},
                    Case{"PpPaper", "vgg19", "v100x2x2-25gbps", "pp", "paper", 60},
                    Case{"Auto", "mlp", "v100x2x2-25gbps", "auto", "default", 200},
                    Case{"Robust", "mlp", "v100x4x1-25gbps", "opp", "default", 100, true}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace automap

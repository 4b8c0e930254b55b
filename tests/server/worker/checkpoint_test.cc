#include "server/worker/checkpoint.h"

#include <random>
#include <set>

#include "gtest/gtest.h"

namespace automap {
namespace {

worker::v1::PlanTask Task() {
  worker::v1::PlanTask task;
  task.set_module("module");
  task.mutable_cluster()->set_name("cluster");
  task.mutable_options()->set_seed(1);
  return task;
}

TEST(Checkpoint, GivesBackTheJournal) {
  const std::string journal = std::string("journal\0with any bytes", 22);
  const auto opened =
      OpenCheckpoint(SealCheckpoint(journal, FingerprintOf(Task())), FingerprintOf(Task()));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(*opened, journal);
}

TEST(Checkpoint, EveryChangedBitIsNoticed) {
  const std::string fingerprint = FingerprintOf(Task());
  const std::string sealed = SealCheckpoint(std::string(300, 'j'), fingerprint);
  for (size_t at = 0; at < sealed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = sealed;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      EXPECT_EQ(OpenCheckpoint(changed, fingerprint).status().code(), absl::StatusCode::kDataLoss)
          << at << " " << bit;
    }
  }
}

TEST(Checkpoint, CutsAdditionsAndBlocksOfOthersAreNoticed) {
  const std::string fingerprint = FingerprintOf(Task());
  const std::string sealed = SealCheckpoint(std::string(5000, 'j'), fingerprint);
  for (size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(OpenCheckpoint(sealed.substr(0, size), fingerprint).ok()) << size;
  EXPECT_FALSE(OpenCheckpoint(sealed + "x", fingerprint).ok());
  std::mt19937 random(5);
  for (int round = 0; round < 10'000; ++round) {
    std::string changed = sealed;
    const size_t at = random() % sealed.size(), length = 1 + random() % 600;
    for (size_t i = at; i < std::min(at + length, sealed.size()); ++i)
      changed[i] = static_cast<char>(random());
    EXPECT_EQ(OpenCheckpoint(changed, fingerprint).ok(), changed == sealed) << round;
  }
}

TEST(Checkpoint, OfAnotherQuestionIsRefused) {
  std::vector<worker::v1::PlanTask> tasks(4, Task());
  tasks[1].set_module("another module");
  tasks[2].mutable_cluster()->set_name("another cluster");
  tasks[3].mutable_options()->set_seed(2);
  std::set<std::string> fingerprints;
  for (const worker::v1::PlanTask& task : tasks) fingerprints.insert(FingerprintOf(task));
  EXPECT_EQ(fingerprints.size(), tasks.size());
  const std::string sealed = SealCheckpoint("journal", FingerprintOf(tasks[0]));
  for (size_t i = 1; i < tasks.size(); ++i)
    EXPECT_EQ(OpenCheckpoint(sealed, FingerprintOf(tasks[i])).status().code(),
              absl::StatusCode::kFailedPrecondition);
}

// When the run may last and which job asked is no part of the question.
TEST(Checkpoint, IsOfTheQuestionAndNotOfTheRun) {
  worker::v1::PlanTask later = Task();
  later.set_time_limit_s(7);
  later.set_job("planJobs/1");
  later.set_resume_from("x");
  EXPECT_EQ(FingerprintOf(later), FingerprintOf(Task()));
}

}  // namespace
}  // namespace automap

#include "server/blobs/checkpoint_store.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace automap {
namespace {

class CheckpointStoreTest : public testing::Test {
 protected:
  void SetUp() override { store_ = *CheckpointStore::Open(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  int CountFiles() const {
    return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder_),
                                          std::filesystem::directory_iterator()));
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / absl::StrCat("automap-checkpoints-", getpid()))
          .string();
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(CheckpointStoreTest, KeepsTheNewestOfEachJob) {
  EXPECT_EQ(store_->Load("planJobs/a"), "");
  ASSERT_TRUE(store_->Save("planJobs/a", "first").ok());
  ASSERT_TRUE(store_->Save("planJobs/a", "second").ok());
  ASSERT_TRUE(store_->Save("planJobs/b", "other").ok());
  EXPECT_EQ(store_->Load("planJobs/a"), "second");
  store_->Remove("planJobs/a");
  EXPECT_EQ(store_->Load("planJobs/a"), "");
  EXPECT_EQ(store_->Load("planJobs/b"), "other");
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(CheckpointStoreTest, RemovesWhatNobodyNeeds) {
  ASSERT_TRUE(store_->Save("planJobs/a", "first").ok());
  ASSERT_TRUE(store_->Save("planJobs/b", "other").ok());
  const std::string old = folder_ + "/c.new-0123abcd", fresh = folder_ + "/d.new-0123abcd";
  for (const std::string& path : {old, fresh}) std::ofstream(path) << "half";
  std::filesystem::last_write_time(
      old, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  store_->RemoveOthers([](const std::string& job) { return job == "planJobs/b"; });
  EXPECT_EQ(store_->Load("planJobs/a"), "");
  EXPECT_EQ(store_->Load("planJobs/b"), "other");
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(fresh)) << "somebody may be writing it";
}

TEST_F(CheckpointStoreTest, AFolderThatIsGoneIsAnErrorAndNoDeath) {
  std::filesystem::remove_all(folder_);
  EXPECT_FALSE(store_->Save("planJobs/a", "first").ok());
  EXPECT_EQ(store_->Load("planJobs/a"), "");
}

}  // namespace
}  // namespace automap

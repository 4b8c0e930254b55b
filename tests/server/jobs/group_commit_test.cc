#include "server/jobs/group_commit.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/jobs/sqlite_connection.h"

namespace automap {
namespace {

// Counts commits, and refuses them when told to.
class CountingConnection final : public SqlConnection {
 public:
  CountingConnection(std::unique_ptr<SqlConnection> inner, std::atomic<int>& commits,
                     std::atomic<bool>& refuses)
      : inner_(std::move(inner)), commits_(commits), refuses_(refuses) {}
  absl::StatusOr<std::vector<SqlRow>> Query(absl::string_view sql,
                                            const std::vector<SqlValue>& values) override {
    return inner_->Query(sql, values);
  }
  absl::Status Execute(const std::string& sql) override {
    if (sql == "COMMIT") {
      ++commits_;
      absl::SleepFor(absl::Milliseconds(2));  // a disk
      if (refuses_) return absl::UnavailableError("no disk");
    }
    return inner_->Execute(sql);
  }
  const char* lock_rows(bool skip) const override { return inner_->lock_rows(skip); }
  const char* shared_clock() const override { return inner_->shared_clock(); }
  bool is_open() const override { return inner_->is_open(); }

 private:
  const std::unique_ptr<SqlConnection> inner_;
  std::atomic<int>& commits_;
  std::atomic<bool>& refuses_;
};

class GroupCommitTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(Insert(0).ok()); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<SqlConnection>> Open() {
    std::filesystem::create_directories(folder_);
    ASSIGN_OR_RETURN(auto inner, OpenSqlite(folder_ + "/test.sqlite"));
    RETURN_IF_ERROR(inner->Execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)"));
    return std::make_unique<CountingConnection>(std::move(inner), commits_, refuses_);
  }
  // Odd numbers are inserted, and then their body fails.
  absl::Status Insert(int64_t number) {
    return group_.Run([number](SqlConnection& connection) -> absl::Status {
      RETURN_IF_ERROR(connection.Run("INSERT INTO numbers VALUES (?)", {number}));
      return number % 2 == 0 ? absl::OkStatus() : absl::AbortedError("odd");
    });
  }
  std::vector<int64_t> Numbers() {
    std::vector<int64_t> numbers;
    const absl::Status read = group_.Run([&](SqlConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const auto rows, connection.Query("SELECT n FROM numbers ORDER BY n", {}));
      for (const SqlRow& row : rows) numbers.push_back(Integer(row, 0));
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return numbers;
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / absl::StrCat("automap-group-", getpid())).string();
  std::atomic<int> commits_ = 0;
  std::atomic<bool> refuses_ = false;
  SqlPool pool_{[this] { return Open(); }, 1};
  GroupCommit group_{pool_};
};

TEST_F(GroupCommitTest, WhoFailsLeavesNothingAndTheOthersAreThere) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  const int before = commits_;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        const int64_t number = 1 + thread * 50 + i;
        const absl::Status status = Insert(number);
        wrong += status.ok() != (number % 2 == 0);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LT(commits_ - before, 200) << "400 changes by 8 threads share their commits";
  std::vector<int64_t> even;
  for (int64_t n = 0; n <= 400; n += 2) even.push_back(n);
  EXPECT_EQ(Numbers(), even);
}

TEST_F(GroupCommitTest, NobodyIsToldOkWhenTheCommitFails) {
  refuses_ = true;
  std::vector<std::thread> threads;
  std::atomic<int> told_ok = 0;
  for (int thread = 1; thread <= 8; ++thread)
    threads.emplace_back([&, thread] { told_ok += Insert(2 * thread).ok(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told_ok, 0);
  refuses_ = false;
  EXPECT_EQ(Numbers(), std::vector<int64_t>{0});
}

}  // namespace
}  // namespace automap

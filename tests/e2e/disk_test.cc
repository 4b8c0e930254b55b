// Disks that are full, that fail, and that take only a part: what was acknowledged stays.
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/support/files.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

using DiskTest = ServerTest;

TEST_F(DiskTest, AFullDiskRefusesJobsAndNothingElse) {
  const std::string data = (folder_ / "data").string();
  StopServer(SIGKILL);
  std::filesystem::remove_all(data);
  std::filesystem::create_directories(data);
  if (mount("tmpfs", data.c_str(), "tmpfs", 0, "size=4m") != 0)
    GTEST_SKIP() << "may not mount a small disk here";
  StartServer({"--workers=0"});
  std::vector<std::string> names;
  grpc::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    v1::PlanSpec spec = Spec(std::string(100'000, 'x'), i);
    const v1::PlanJob job = Create(spec, "", &status);
    if (status.ok()) names.push_back(job.name());
  }
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_EQ(ReasonOfError(status), "STORE_FULL");
  ASSERT_GT(names.size(), 3u);
  for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
  ASSERT_EQ(mount("tmpfs", data.c_str(), "tmpfs", MS_REMOUNT, "size=64m"), 0);
  Create(Spec("ok"), "", &status);
  EXPECT_TRUE(status.ok()) << "there is room again: " << status.error_message();
  StopServer(SIGKILL);
  StartServer({"--workers=0"});
  for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
  StopServer(SIGKILL);
  umount2(data.c_str(), MNT_DETACH);
}

TEST_F(DiskTest, ADiskThatCannotBeSyncedAcknowledgesNothingAndLosesNothing) {
  const std::filesystem::path switch_file = folder_ / "disk fails";
  StopServer(SIGKILL);
  StartServer({"--workers=0"}, {"LD_PRELOAD=" + TestProgram("libfailing_disk.so"),
                                absl::StrCat("FAILING_DISK=", switch_file.string())});
  std::vector<std::string> names;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 5; ++i) names.push_back(Create(Spec("ok", round * 10 + i)).name());
    std::ofstream(switch_file) << "x";
    grpc::Status status;
    for (int i = 5; i < 8; ++i) {
      Create(Spec("ok", round * 10 + i), absl::StrCat("again ", round, " ", i), &status);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    }
    for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
    std::filesystem::remove(switch_file);
    for (int i = 5; i < 8; ++i)
      names.push_back(
          Create(Spec("ok", round * 10 + i), absl::StrCat("again ", round, " ", i)).name());
  }
  StopServer(SIGKILL);
  StartServer();
  for (const std::string& name : names) EXPECT_TRUE(Watch(name).back().has_final_plan()) << name;
}

// A limit on the size of files: the write that would pass it is cut short, the next one fails.
TEST_F(DiskTest, WritesThatAreCutShortLoseNothing) {
  StopServer(SIGKILL);
  StartServer({"--workers=0"});
  const auto limit_files = [this](rlim_t bytes) {
    const rlimit limit = {bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(server_, RLIMIT_FSIZE, &limit, nullptr), 0);
  };
  const auto upload = [this](int round) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::CreateModuleRequest module;
    module.set_hlo_text(std::string(1'500'000 + round, 'x'));
    v1::Module stored;
    return modules_->CreateModule(&context, module, &stored);
  };
  std::vector<std::string> names;
  for (int round = 0; round < Times(3, 50); ++round) {
    names.push_back(Create(Spec("ok", round * 1000)).name());
    limit_files(100'000 + 7777 * round % 30'000);  // somewhere inside a page of the log
    grpc::Status status;
    for (int i = 1; i < 500 && status.ok(); ++i) {
      const std::string name = Create(Spec("ok", round * 1000 + i), "", &status).name();
      if (status.ok()) names.push_back(name);
    }
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_FALSE(upload(round).ok());
    for (const std::string& name : names) EXPECT_EQ(Get(name).state(), v1::PlanJob::PENDING);
    limit_files(RLIM_INFINITY);
    names.push_back(Create(Spec("ok", round * 1000 + 999)).name());
    const grpc::Status again = upload(round);
    EXPECT_TRUE(again.ok()) << again.error_message();
  }
  StopServer(SIGKILL);
  StartServer();
  for (const std::string& name : names) EXPECT_TRUE(Watch(name).back().has_final_plan()) << name;
}

}  // namespace
}  // namespace automap

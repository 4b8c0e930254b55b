// Everything at once for a while: what the server holds must not grow. AUTOMAP_SOAK_SECONDS says
// how long; `tests/torture soak SECONDS` sets it.
#include <signal.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/support/measured.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

int Seconds() {
  const char* text = std::getenv("AUTOMAP_SOAK_SECONDS");
  return text != nullptr ? std::max(8, std::atoi(text)) : 8;
}

class SoakTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    StopServer(SIGKILL);
    StartServer({"--job-retention=10"});  // a busy machine may take seconds to follow a job
  }

  // Jobs of every kind, watched, cancelled, deleted, looked up; modules; until it is told to end.
  void Use(int client) {
    const auto planner = v1::Planner::NewStub(channel_);
    for (uint64_t i = 0; !ends_; ++i) {
      const uint64_t seed = 1'000'000 * client + i % 50'000;
      const char* const orders[] = {"ok", "count", "quick", "crash", "ok"};
      grpc::Status status;
      const std::string job = Create(Spec(orders[i % 5], seed), "", &status).name();
      if (!status.ok()) continue;
      if (i % 7 == 0) Cancel(job, i % 2 == 0);
      Watch(job, "", &status);
      if (i % 3 == 0) Delete(*planner, job);
      ++jobs_;
    }
  }

  static void Delete(v1::Planner::Stub& planner, const std::string& job) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    v1::DeletePlanJobRequest request;
    request.set_name(job);
    google::protobuf::Empty empty;
    planner.DeletePlanJob(&context, request, &empty);
  }

  int64_t Count(const std::string& folder) const {
    std::error_code error;
    return std::distance(
        std::filesystem::directory_iterator(absl::StrFormat("/proc/%d/%s", server_, folder), error),
        std::filesystem::directory_iterator());
  }

  double StoreMiB() const {
    double bytes = 0;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_ / "data", error)) {
      const auto size = entry.is_regular_file(error) ? entry.file_size(error) : 0;
      if (!error) bytes += static_cast<double>(size);
    }
    return bytes / (1 << 20);
  }

  struct Sample {
    double memory, files, threads, store;
  };
  Sample Look() {
    return {MetricOf(Metrics(), "process_resident_memory_bytes") / (1 << 20),
            static_cast<double>(Count("fd")), static_cast<double>(Count("task")), StoreMiB()};
  }

  std::atomic<bool> ends_ = false;
  std::atomic<int64_t> jobs_ = 0;
};

TEST_F(SoakTest, NothingGrows) {
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) clients.emplace_back([this, client] { Use(client); });
  std::vector<Sample> samples;
  const absl::Time end = absl::Now() + absl::Seconds(Seconds());
  while (absl::Now() < end) {
    absl::SleepFor(absl::Milliseconds(500));
    samples.push_back(Look());
  }
  ends_ = true;
  for (std::thread& client : clients) client.join();
  // Medians of the second quarter, when all that is kept for good is there, and of the last.
  const auto median = [&](size_t quarter, double Sample::*field) {
    std::vector<double> values;
    for (size_t i = quarter * samples.size() / 4; i < (quarter + 1) * samples.size() / 4; ++i)
      values.push_back(samples[i].*field);
    return Quantile(values, 0.5);
  };
  const auto both = [&](double Sample::*field) {
    return absl::StrFormat("%.0f and %.0f", median(1, field), median(3, field));
  };
  Measured(absl::StrFormat("R13: %d s of mixed load, %d jobs: MiB of memory, descriptors, threads, "
                           "MiB on disk in the second quarter and in the last",
                           Seconds(), jobs_.load()),
           "flat",
           absl::StrFormat("%s; %s; %s; %s", both(&Sample::memory), both(&Sample::files),
                           both(&Sample::threads), both(&Sample::store)));
  EXPECT_GT(jobs_, 20);
  EXPECT_LT(median(3, &Sample::memory) - median(1, &Sample::memory), 16);
  EXPECT_NEAR(median(3, &Sample::files), median(1, &Sample::files), 10);
  EXPECT_NEAR(median(3, &Sample::threads), median(1, &Sample::threads), 4);
  EXPECT_LT(median(3, &Sample::store) - median(1, &Sample::store), 16);
}

}  // namespace
}  // namespace automap

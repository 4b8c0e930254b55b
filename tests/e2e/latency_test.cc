// How long things take that people wait for. The bounds asserted are generous, as the machine may
// be busy; the figures go to docs/benchmarks.md by tests/bench/measure_service, beside their goals.
#include <signal.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/support/measured.h"
#include "tests/support/scale.h"
#include "tests/support/server_test.h"

namespace automap {
namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point begin) {
  return 1e3 * std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string Quantiles(const std::vector<double>& values) {
  return absl::StrFormat("p50 %.1f ms, p99 %.1f ms, %d values", Quantile(values, 0.5),
                         Quantile(values, 0.99), values.size());
}

// Whether the server says that it serves.
bool IsHealthy(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kTimeout);
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  std::promise<bool> ok;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                 [&](grpc::Status status) { ok.set_value(status.ok()); });
  return ok.get_future().get();
}

// A watcher that keeps how old each improved plan was when it came, but for those that were there
// before it.
class Watcher final : public grpc::ClientReadReactor<v1::PlanEvent> {
 public:
  Watcher(v1::Planner::Stub& planner, const std::string& job) {
    request_.set_name(job);
    planner.async()->WatchPlanJob(&context_, &request_, this);
    StartRead(&event_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    const int64_t now = absl::ToUnixNanos(absl::Now());
    const int64_t sent =
        google::protobuf::util::TimeUtil::TimestampToNanoseconds(event_.event_time());
    if (event_.has_snapshot()) joined_ = now;
    if (event_.has_improved_plan() && sent > joined_)
      ages_.push_back(1e-6 * static_cast<double>(now - sent));
    StartRead(&event_);
  }
  void OnDone(const grpc::Status& status) override {
    std::lock_guard<std::mutex> lock(mutex_);
    is_ok_ = status.ok();
    is_done_ = true;
    done_.notify_all();
  }
  // Until its stream ended; the ages.
  const std::vector<double>& Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return is_done_; });
    EXPECT_TRUE(is_ok_);
    return ages_;
  }

 private:
  grpc::ClientContext context_;
  v1::WatchPlanJobRequest request_;
  v1::PlanEvent event_;
  int64_t joined_ = INT64_MAX;
  std::vector<double> ages_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false, is_ok_ = false;
};

class LatencyTest : public ServerTest {
 protected:
  // A thousand events a second in all.
  std::vector<double> EventAges(int watchers) {
    const std::string job = Create(Spec(absl::StrFormat("ticks %d", watchers))).name();
    std::vector<std::unique_ptr<Watcher>> all;
    std::vector<std::unique_ptr<v1::Planner::Stub>> connections;
    for (int i = 0; i < watchers; ++i) {
      if (i % 100 == 0) {  // a connection takes 256 streams
        Connect();
        connections.push_back(v1::Planner::NewStub(channel_));
      }
      all.push_back(std::make_unique<Watcher>(*connections.back(), job));
    }
    std::vector<double> ages;
    for (const auto& watcher : all) {
      const std::vector<double>& own = watcher->Wait();
      EXPECT_FALSE(own.empty());
      ages.insert(ages.end(), own.begin(), own.end());
    }
    return ages;
  }
};

TEST_F(LatencyTest, EventsReachWatchersSoon) {
  const int watchers = Times(100, 1000);
  const std::vector<double> ages = EventAges(watchers);
  Measured(absl::StrFormat("R7: event to client, %d watchers, 1000 events/s", watchers),
           "p99 50 ms", Quantiles(ages));
  EXPECT_LT(Quantile(ages, 0.5), 1000);
}

TEST_F(LatencyTest, ACancelledJobEndsSoon) {
  std::vector<double> times;
  for (int i = 0; i < Times(5, 100); ++i) {
    const std::string job = Create(Spec("forever", i)).name();
    WaitForState(job, v1::PlanJob::RUNNING);
    const auto begin = Clock::now();
    Cancel(job, false);
    EXPECT_EQ(Watch(job).back().state_change().state(), v1::PlanJob::CANCELLED);
    times.push_back(Milliseconds(begin));
  }
  Measured("R10: a running job from the call to CANCELLED", "p99 1000 ms", Quantiles(times));
  EXPECT_LT(Quantile(times, 1), 6000);
}

// Ten times as many jobs as the workers can take.
TEST_F(LatencyTest, OverloadIsRefusedQuicklyAndCostsNoWork) {
  StopServer(SIGKILL);
  StartServer({"--workers=2", "--max-queued-jobs=20"});
  std::atomic<bool> ends = false;
  std::atomic<int> seed = 0;
  std::mutex mutex;
  std::vector<double> refusals, healths;
  const auto flood = [&](double pause) {
    while (!ends) {
      const auto begin = Clock::now();
      grpc::Status status;
      Create(Spec("quick", ++seed), "", &status);
      const double time = Milliseconds(begin);
      std::lock_guard<std::mutex> lock(mutex);
      if (!status.ok()) refusals.push_back(time);
      if (pause > 0) absl::SleepFor(absl::Milliseconds(pause));
    }
  };
  const auto run = [&](int clients, double pause) {
    ends = false;
    const auto done = [&] {
      return MetricOf(Metrics(), "automap_jobs_ended_total{state=\"succeeded\"}");
    };
    const double before = done();
    const absl::Duration time = absl::Seconds(Times(2, 10));
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) threads.emplace_back(flood, pause);
    const absl::Time end = absl::Now() + time;
    while (absl::Now() < end) {
      const auto begin = Clock::now();
      EXPECT_TRUE(IsHealthy(channel_));
      if (clients > 1) healths.push_back(Milliseconds(begin));
      absl::SleepFor(absl::Milliseconds(20));
    }
    const double rate = (done() - before) / absl::ToDoubleSeconds(time);
    ends = true;
    for (std::thread& thread : threads) thread.join();
    return rate;
  };
  const double peak = run(1, 10);
  refusals.clear();
  const double overloaded = run(8, 20);
  ASSERT_FALSE(refusals.empty());
  Measured("R11: jobs done per second, one client and eight", "at least 90 % of it",
           absl::StrFormat("%.0f and %.0f: %.0f %%", peak, overloaded, 100 * overloaded / peak));
  Measured("R11: refusals meanwhile", "p99 10 ms", Quantiles(refusals));
  Measured("R11: health meanwhile", "p99 50 ms", Quantiles(healths));
  EXPECT_GT(overloaded, 0);
  EXPECT_LT(Quantile(healths, 0.5), 1000);
}

}  // namespace
}  // namespace automap

// How long things take that people wait for. The bounds asserted are generous, as the machine may
// be busy; the figures go to docs/benchmarks.md by tests/bench/measure_service, beside their goals.
#include <signal.h>

#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
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
    if (event_.has_improved_plan() && sent > joined_) {
      ages_.push_back(1e-6 * static_cast<double>(now - sent));
      first_sent_ = std::min(first_sent_, sent);
      last_came_ = now;
    }
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
  // Of the events that `Wait` tells of, in nanoseconds.
  int64_t first_sent() const { return first_sent_; }
  int64_t last_came() const { return last_came_; }

 private:
  grpc::ClientContext context_;
  v1::WatchPlanJobRequest request_;
  v1::PlanEvent event_;
  int64_t joined_ = INT64_MAX, first_sent_ = INT64_MAX, last_came_ = 0;
  std::vector<double> ages_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false, is_ok_ = false;
};

class LatencyTest : public ServerTest {
 protected:
  std::vector<std::unique_ptr<Watcher>> WatchTimes(const std::string& job, int watchers) {
    std::vector<std::unique_ptr<Watcher>> all;
    for (int i = 0; i < watchers; ++i) {
      if (i % 100 == 0) {  // a connection takes 256 streams
        Connect();
        connections_.push_back(v1::Planner::NewStub(channel_));
      }
      all.push_back(std::make_unique<Watcher>(*connections_.back(), job));
    }
    return all;
  }

  static std::vector<double> AgesOf(const std::vector<std::unique_ptr<Watcher>>& watchers) {
    std::vector<double> ages;
    for (const auto& watcher : watchers) {
      const std::vector<double>& own = watcher->Wait();
      EXPECT_FALSE(own.empty());
      ages.insert(ages.end(), own.begin(), own.end());
    }
    return ages;
  }

  std::vector<std::unique_ptr<v1::Planner::Stub>> connections_;
};

// A thousand events a second in all.
TEST_F(LatencyTest, EventsReachWatchersSoon) {
  const int watchers = Times(100, 1000);
  const std::string job = Create(Spec(absl::StrFormat("ticks %d", watchers))).name();
  const std::vector<double> ages = AgesOf(WatchTimes(job, watchers));
  Measured(absl::StrFormat("R7: event to client, %d watchers, 1000 events/s", watchers),
           "p99 50 ms", Quantiles(ages));
  EXPECT_LT(Quantile(ages, 0.5), 1000);
}

// As fast as they are made; everybody is there before the first one.
TEST_F(LatencyTest, EventsAreHandedOutToManyAtOnce) {
  StopServer(SIGKILL);
  StartServer({"--workers=1"});
  Create(Spec("slow"));
  const std::string job = Create(Spec("ticks 1")).name();
  const auto watchers = WatchTimes(job, Times(100, 1000));
  const std::vector<double> ages = AgesOf(watchers);
  int64_t first_sent = INT64_MAX, last_came = 0;
  for (const auto& watcher : watchers) {
    first_sent = std::min(first_sent, watcher->first_sent());
    last_came = std::max(last_came, watcher->last_came());
  }
  const double seconds = 1e-9 * static_cast<double>(last_came - first_sent);
  Measured(absl::StrFormat("R18: events handed out, %d watchers of one job", watchers.size()),
           "50 000 events/s",
           absl::StrFormat("%d in %.2f s: %.0f/s", ages.size(), seconds,
                           static_cast<double>(ages.size()) / seconds));
  EXPECT_EQ(ages.size(), 20 * watchers.size());
}

TEST_F(LatencyTest, ALargeModuleIsUploadedSoon) {
  std::mt19937 random(1);
  std::string bytes(50 << 20, 0);
  for (char& byte : bytes) byte = static_cast<char>(random());
  std::vector<double> times;
  for (int i = 0; i < Times(2, 20); ++i) {
    bytes[0] = static_cast<char>(i);
    const auto begin = Clock::now();
    Upload(bytes);
    times.push_back(Milliseconds(begin));
  }
  Measured("R18: a module of 50 MiB is hashed, uploaded and on disk", "500 ms", Quantiles(times));
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
      EXPECT_EQ(CallWithNothing(channel_, "/grpc.health.v1.Health/Check"), grpc::StatusCode::OK);
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

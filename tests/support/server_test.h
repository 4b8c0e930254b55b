// A server of its own for a test: a real process on loopback, with a worker whose faults come on
// demand (tests/support/fake_worker.cc).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "automap/v1/modules.grpc.pb.h"
#include "automap/v1/planner.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

namespace automap {

// Longest wait for anything that must happen; the machine may be busy.
inline constexpr auto kTimeout = std::chrono::seconds(60);

int FreePort();
// The whole answer, empty when nobody is there.
std::string HttpGet(int port, const std::string& path);
// The details of an error that are of this type; empty when there are none.
template <typename Detail>
Detail DetailOf(const grpc::Status& status);
std::string ReasonOfError(const grpc::Status& status);
// How a call of this method ("/package.Service/Method") with an empty message ends.
grpc::StatusCode CallWithNothing(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& method);

// The value of a metric line in Prometheus' text, -1 when it is not there.
double MetricOf(const std::string& text, const std::string& name_and_labels);

// Whether states and plans are there once, in order, without a gap, and a final plan ends them.
bool IsWhole(const std::vector<v1::PlanEvent>& events);

// The exit code of `automap jobs` with these flags, on a server of this machine.
int AutomapJobs(int port, const std::string& flags);

class ServerTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // `more`: flags after the usual ones; later ones win. `environment`: "NAME=value" each.
  void StartServer(const std::vector<std::string>& more = {},
                   const std::vector<std::string>& environment = {});
  // Without waiting for it to serve.
  void SpawnServer(const std::vector<std::string>& more,
                   const std::vector<std::string>& environment);
  bool WaitUntilServing(std::chrono::seconds limit = kTimeout);
  int StopServer(int signal_number);
  // `waits`: until the connection stands.
  void Connect(bool waits = true);

  static v1::PlanSpec Spec(const std::string& order, uint64_t seed = 0);
  v1::PlanJob Create(const v1::PlanSpec& spec, const std::string& request_id = "",
                     grpc::Status* status = nullptr);
  v1::PlanJob CreateWith(const v1::CreatePlanJobRequest& request, grpc::Status* status = nullptr);
  std::vector<v1::PlanEvent> Watch(const std::string& job, const std::string& token = "",
                                   grpc::Status* status = nullptr);
  // The same on streams that are broken off after some events each, and go on from their tokens;
  // `random` says after how many. `before` runs before each.
  std::vector<v1::PlanEvent> WatchInPieces(
      const std::string& job, std::mt19937& random, const std::function<void()>& before = [] {});
  // In chunks of a mebibyte, the last of which may be shorter; the module's name.
  std::string Upload(const std::string& bytes);
  v1::PlanJob Get(const std::string& name);
  v1::PlanJob Cancel(const std::string& name, bool keep_best_plan);
  void WaitForState(const std::string& name, v1::PlanJob::State state);
  // The metric reaches the value in time.
  void WaitForMetric(const std::string& name_and_labels, double value);
  std::string Metrics() { return HttpGet(http_port_, "/metrics"); }
  // The server's own memory, as its metrics say.
  int64_t ResidentMiB() {
    return static_cast<int64_t>(MetricOf(Metrics(), "process_resident_memory_bytes")) >> 20;
  }

  std::filesystem::path folder_;
  std::string log_;  // where the server's stderr goes; empty: to the test's
  int port_ = 0, http_port_ = 0;
  pid_t server_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Planner::Stub> planner_;
  std::unique_ptr<v1::Modules::Stub> modules_;
};

}  // namespace automap

#include "server/log.h"

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace automap {
namespace {

// What is wrong with an input quotes it; that is for its caller, not for the log.
std::string ErrorForLog(const google::rpc::Status& error) {
  const auto code = static_cast<absl::StatusCode>(error.code());
  const std::string name = absl::StatusCodeToString(code);
  return code == absl::StatusCode::kOk ? ""
         : code == absl::StatusCode::kInvalidArgument || code == absl::StatusCode::kUnimplemented
             ? name
             : absl::StrCat(name, ": ", error.message());
}

void LogEnd(const JobEnd& end) {
  spdlog::info(
      R"("event":"job ended","job":"{}","trace":"{}","state":"{}","attempts":{},"from_cache":{},"waited_s":{:.3f},"ran_s":{:.3f},"error":{})",
      end.job.name(), end.job.traceparent(), v1::PlanJob::State_Name(end.job.state()),
      end.job.attempts(), end.job.from_cache(), absl::ToDoubleSeconds(end.waited),
      absl::ToDoubleSeconds(end.ran), Quoted(ErrorForLog(end.job.error())));
}

}  // namespace

void SetUpLog() {
  auto log = spdlog::stderr_logger_mt("automapd");
  log->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
  spdlog::set_default_logger(log);
}

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void LogClosedConnection(const std::string& reason, const std::string& address) {
  spdlog::warn(R"("event":"connection closed","reason":"{}","address":"{}")", reason, address);
}

PoolObserver Observe(Metrics& metrics) {
  return {
      .job_ended =
          [&metrics](const JobEnd& end) {
            metrics.JobEnded(end.job.state(), end.waited, end.ran);
            LogEnd(end);
          },
      .worker_died =
          [&metrics](const std::string& cause, const std::string& job, const std::string& text) {
            metrics.WorkerDied(cause);
            spdlog::warn(R"("event":"worker lost","cause":"{}","job":"{}","text":{})", cause, job,
                         Quoted(text));
          },
      .fenced = [&metrics] { metrics.Fenced(); },
      .checkpoint =
          [&metrics](const char* outcome, const std::string& job, const std::string& text) {
            metrics.CheckpointDone(outcome);
            if (!text.empty())
              spdlog::warn(R"("event":"checkpoint {}","job":"{}","text":{})", outcome, job,
                           Quoted(text));
          },
      .plan_found = [&metrics](const v1::Plan& plan) { metrics.PlanFound(plan); }};
}

}  // namespace automap

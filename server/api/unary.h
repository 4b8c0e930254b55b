// Runs the body of a unary call on the executor and answers.
#pragma once

#include <exception>
#include <memory>

#include "absl/status/statusor.h"
#include "base/reason.h"
#include "base/status_macros.h"
#include "base/steady_clock.h"
#include "grpcpp/grpcpp.h"
#include "server/api/api.h"
#include "server/api/rpc_status.h"

namespace automap {

inline absl::Status TooBusy() {
  return WithReason(absl::ResourceExhaustedError("server: too many calls are waiting"),
                    "SERVER_BUSY");
}

// `body(caller)` returns absl::StatusOr<Response>. gRPC keeps request and response alive until
// Finish. `method` is its name in api/access.h.
template <typename Response, typename Body>
grpc::ServerUnaryReactor* AnswerUnary(grpc::CallbackServerContext* context, const Api& api,
                                      const char* method, Response* response, Body body) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Time begin = SteadyNow();
  const auto finish = [reactor, &api, method, begin](const absl::Status& status) {
    api.Answered(method, status, SteadyNow() - begin);
    reactor->Finish(ToGrpc(status));
  };
  const absl::StatusOr<Caller> caller = api.access.Admit(*context, method);
  if (!caller.ok()) {
    finish(caller.status());
    return reactor;
  }
  const bool accepted =
      api.executor.TryRun([context, response, finish, caller = *caller, body = std::move(body)] {
        if (context->IsCancelled()) return finish(absl::CancelledError("the caller is gone"));
        absl::StatusOr<Response> result = absl::InternalError("unknown");
        try {
          result = body(caller);
        } catch (const std::exception& error) {
          result = absl::InternalError(error.what());
        }
        if (result.ok()) *response = *std::move(result);
        finish(result.status());
      });
  if (!accepted) finish(TooBusy());
  return reactor;
}

}  // namespace automap

// Runs the body of a unary call on the executor and answers.
#pragma once

#include <exception>

#include "absl/status/statusor.h"
#include "grpcpp/grpcpp.h"
#include "server/api/executor.h"
#include "server/api/rpc_status.h"
#include "server/ops/metrics.h"

namespace automap {

// `body` returns absl::StatusOr<Response>. gRPC keeps request and response alive until Finish.
template <typename Response, typename Body>
grpc::ServerUnaryReactor* AnswerUnary(grpc::CallbackServerContext* context, Executor& executor,
                                      Metrics& metrics, Response* response, Body body) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  executor.Run([reactor, response, &metrics, body = std::move(body)] {
    absl::StatusOr<Response> result = absl::InternalError("unknown");
    try {
      result = body();
    } catch (const std::exception& error) {
      result = absl::InternalError(error.what());
    }
    if (result.ok()) *response = *std::move(result);
    if (!result.ok()) metrics.Rejected(ReasonOf(result.status()));
    reactor->Finish(ToGrpc(result.status()));
  });
  return reactor;
}

}  // namespace automap

// Who may call what.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "grpcpp/server_context.h"
#include "server/api/caller.h"
#include "server/api/principals.h"

namespace automap {

// The lowest role that may call a method; jobs of others are guarded by api/caller.h besides.
struct MethodRule {
  const char* method;  // as in /automap.v1.Planner/METHOD
  Role role;
};

// Every method of our services has one; a test compares them with the descriptors. A method
// without a rule is refused.
absl::Span<const MethodRule> MethodRules();

// Thread-safe.
class Access {
 public:
  // Without principals everybody is an operator, named by the host that the call comes from.
  explicit Access(std::shared_ptr<Principals> principals) : principals_(std::move(principals)) {}

  // UNAUTHENTICATED without a valid token or certificate, PERMISSION_DENIED when the role is too
  // low.
  absl::StatusOr<Caller> Admit(const grpc::CallbackServerContext& context,
                               absl::string_view method) const;

 private:
  const std::shared_ptr<Principals> principals_;
};

}  // namespace automap

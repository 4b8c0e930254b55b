#include "server/api/access.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/reason.h"
#include "base/status_macros.h"

namespace automap {
namespace {

constexpr MethodRule kRules[] = {
    {"Planner/Plan", Role::kSubmitter},          {"Planner/CreatePlanJob", Role::kSubmitter},
    {"Planner/GetPlanJob", Role::kViewer},       {"Planner/ListPlanJobs", Role::kViewer},
    {"Planner/WatchPlanJob", Role::kViewer},     {"Planner/CancelPlanJob", Role::kSubmitter},
    {"Planner/DeletePlanJob", Role::kSubmitter}, {"Planner/GetPlan", Role::kViewer},
    {"Planner/LookupPlan", Role::kViewer},       {"Planner/GetCapabilities", Role::kViewer},
    {"Modules/UploadModule", Role::kSubmitter},  {"Modules/QueryUpload", Role::kSubmitter},
    {"Modules/CreateModule", Role::kSubmitter},  {"Modules/FindMissingModules", Role::kSubmitter},
    {"Modules/GetModule", Role::kViewer},        {"Modules/ListModules", Role::kOperator},
    {"Modules/DeleteModule", Role::kOperator},
};

std::string Header(const grpc::CallbackServerContext& context, const char* name) {
  const auto& metadata = context.client_metadata();
  const auto entry = metadata.find(name);
  return entry == metadata.end() ? std::string()
                                 : std::string(entry->second.data(), entry->second.size());
}

// "ipv4:127.0.0.1:4711" without the port.
std::string HostOf(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

// 00-{32 hex}-{16 hex}-{2 hex}, else nothing.
std::string Traceparent(const grpc::CallbackServerContext& context) {
  const std::string text = Header(context, "traceparent");
  const bool is_valid = text.size() == 55 && absl::StartsWith(text, "00-") && text[35] == '-' &&
                        text[52] == '-' && std::all_of(text.begin(), text.end(), [](char c) {
                          return c == '-' || absl::ascii_isxdigit(c);
                        });
  return is_valid ? text : std::string();
}

absl::StatusOr<Caller> Identify(const grpc::CallbackServerContext& context,
                                Principals& principals) {
  const std::string authorization = Header(context, "authorization");
  absl::string_view token = authorization;
  if (absl::ConsumePrefix(&token, "Bearer ") || absl::ConsumePrefix(&token, "bearer "))
    return principals.FindByToken(token, absl::Now());
  if (const auto auth = context.auth_context(); auth != nullptr && auth->IsPeerAuthenticated()) {
    for (const grpc::string_ref& identity : auth->GetPeerIdentity()) {
      auto caller = principals.FindByCertificate({identity.data(), identity.size()}, absl::Now());
      if (caller.ok()) return caller;
    }
  }
  return absl::UnauthenticatedError("authorization: missing; send `Bearer TOKEN`");
}

}  // namespace

absl::Span<const MethodRule> MethodRules() { return kRules; }

absl::StatusOr<Caller> Access::Admit(const grpc::CallbackServerContext& context,
                                     absl::string_view method) const {
  Caller caller;
  if (principals_ == nullptr) {
    caller.name = HostOf(context.peer());
  } else {
    ASSIGN_OR_RETURN(caller, Identify(context, *principals_));
    const auto* rule = std::find_if(std::begin(kRules), std::end(kRules),
                                    [&](const MethodRule& item) { return method == item.method; });
    if (rule == std::end(kRules) || caller.role < rule->role)
      return absl::PermissionDeniedError(
          absl::StrCat(method, ": not for the role of ", caller.name));
  }
  caller.traceparent = Traceparent(context);
  return caller;
}

}  // namespace automap

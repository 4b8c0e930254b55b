// Early return on errors: the two macros that Abseil of Debian 12 does not have yet.
//
//   RETURN_IF_ERROR(Check(x));
//   ASSIGN_OR_RETURN(const Graph graph, BuildGraph(module));
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define AUTOMAP_CONCAT_INNER(a, b) a##b
#define AUTOMAP_CONCAT(a, b) AUTOMAP_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                           \
  do {                                                                        \
    if (::absl::Status automap_status = (expression); !automap_status.ok()) { \
      return automap_status;                                                  \
    }                                                                         \
  } while (false)

#define ASSIGN_OR_RETURN(declaration, expression) \
  AUTOMAP_ASSIGN_OR_RETURN(AUTOMAP_CONCAT(automap_statusor_, __LINE__), declaration, expression)

#define AUTOMAP_ASSIGN_OR_RETURN(temporary, declaration, expression) \
  auto temporary = (expression);                                     \
  if (!temporary.ok()) return std::move(temporary).status();         \
  declaration = *std::move(temporary)

// SQL as the job store speaks it: one text for every database, values by position.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace automap {

// Integers and bytes are all that is stored.
using SqlValue = std::variant<int64_t, std::string>;
using SqlRow = std::vector<SqlValue>;

inline int64_t Integer(const SqlRow& row, int column) { return std::get<int64_t>(row[column]); }
inline const std::string& Bytes(const SqlRow& row, int column) {
  return std::get<std::string>(row[column]);
}

// One session with a database. Not thread-safe. The text is SQLite's, with `?` for values; what
// another database says differently it translates itself. Errors: RESOURCE_EXHAUSTED (disk full),
// DATA_LOSS (damaged), UNAVAILABLE (cannot be reached), ABORTED (lost against another transaction,
// try again), else INTERNAL.
//
// Besides the tables of sql_schema.h there is `pending (caller, jobs)`: how many jobs of each
// caller wait, as this transaction sees it.
class SqlConnection {
 public:
  virtual ~SqlConnection() = default;
  virtual absl::StatusOr<std::vector<SqlRow>> Query(absl::string_view sql,
                                                    const std::vector<SqlValue>& values) = 0;
  // Several statements without values.
  virtual absl::Status Execute(const std::string& sql) = 0;

  // What is appended to a SELECT whose rows this transaction is going to change; with `skip`, rows
  // in another's hands are passed over.
  virtual const char* lock_rows(bool skip) const = 0;
  // Nanoseconds since 1970 as an expression, on the clock that all users of the database share;
  // null where the database has one process only and claims need no lease.
  virtual const char* shared_clock() const = 0;
  // Whether the session is still usable.
  virtual bool is_open() const = 0;

  absl::Status Run(absl::string_view sql, const std::vector<SqlValue>& values) {
    return Query(sql, values).status();
  }
};

// A transaction that rolls back unless it was committed.
class SqlTransaction {
 public:
  explicit SqlTransaction(SqlConnection& connection)
      : connection_(connection), begun_(connection.Execute("BEGIN IMMEDIATE")) {}
  ~SqlTransaction() {
    if (begun_.ok() && !committed_) connection_.Execute("ROLLBACK").IgnoreError();
  }
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;
  const absl::Status& begun() const { return begun_; }
  absl::Status Commit() {
    RETURN_IF_ERROR(connection_.Execute("COMMIT"));
    committed_ = true;
    return absl::OkStatus();
  }

 private:
  SqlConnection& connection_;
  const absl::Status begun_;
  bool committed_ = false;
};

}  // namespace automap

// A thin, checked way to SQLite: statements that bind, step and read by position.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace automap {

// One prepared statement, for one use. Errors are remembered and come out of Step.
class SqlStatement {
 public:
  SqlStatement(sqlite3* database, absl::string_view sql);
  ~SqlStatement() { sqlite3_finalize(statement_); }
  SqlStatement(const SqlStatement&) = delete;
  SqlStatement& operator=(const SqlStatement&) = delete;

  SqlStatement& Bind(int64_t value);
  SqlStatement& Bind(absl::string_view value);  // as a blob

  // True: a row is there. False: done.
  absl::StatusOr<bool> Step();
  // Runs a statement that returns no rows.
  absl::Status Run() { return Step().status(); }

  int64_t Integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Blob(int column) const;

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int next_ = 1;
  int error_ = SQLITE_OK;
};

absl::Status SqlExecute(sqlite3* database, const char* sql);

// A transaction that rolls back unless it was committed.
class SqlTransaction {
 public:
  explicit SqlTransaction(sqlite3* database)
      : database_(database), begun_(SqlExecute(database, "BEGIN IMMEDIATE")) {}
  ~SqlTransaction() {
    if (begun_.ok() && !committed_) SqlExecute(database_, "ROLLBACK").IgnoreError();
  }
  const absl::Status& begun() const { return begun_; }
  absl::Status Commit();

 private:
  sqlite3* database_;
  absl::Status begun_;
  bool committed_ = false;
};

}  // namespace automap

#include "server/jobs/sqlite.h"

#include "absl/strings/str_cat.h"

namespace automap {
namespace {

absl::Status ToStatus(sqlite3* database, int error) {
  const std::string text = absl::StrCat("store: ", sqlite3_errmsg(database));
  switch (error & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(text, "; the disk is full"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(text);
    default:
      return absl::InternalError(text);
  }
}

}  // namespace

SqlStatement::SqlStatement(sqlite3* database, absl::string_view sql) : database_(database) {
  error_ =
      sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
}

SqlStatement& SqlStatement::Bind(int64_t value) {
  if (error_ == SQLITE_OK) error_ = sqlite3_bind_int64(statement_, next_++, value);
  return *this;
}

SqlStatement& SqlStatement::Bind(absl::string_view value) {
  if (error_ == SQLITE_OK)
    error_ = sqlite3_bind_blob64(statement_, next_++, value.empty() ? "" : value.data(),
                                 value.size(), SQLITE_TRANSIENT);
  return *this;
}

absl::StatusOr<bool> SqlStatement::Step() {
  if (error_ == SQLITE_OK) {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    error_ = result;
  }
  return ToStatus(database_, error_);
}

std::string SqlStatement::Blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return data == nullptr ? std::string()
                         : std::string(data, sqlite3_column_bytes(statement_, column));
}

absl::Status SqlExecute(sqlite3* database, const char* sql) {
  const int error = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  return error == SQLITE_OK ? absl::OkStatus() : ToStatus(database, error);
}

absl::Status SqlTransaction::Commit() {
  const absl::Status status = SqlExecute(database_, "COMMIT");
  committed_ = status.ok();
  return status;
}

}  // namespace automap

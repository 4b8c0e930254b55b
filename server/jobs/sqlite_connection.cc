#include "server/jobs/sqlite_connection.h"

#include <sqlite3.h>

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "base/reason.h"

namespace automap {
namespace {

class SqliteConnection final : public SqlConnection {
 public:
  explicit SqliteConnection(sqlite3* database) : database_(database) {}
  ~SqliteConnection() override {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(database_);
  }

  absl::StatusOr<std::vector<SqlRow>> Query(absl::string_view sql,
                                            const std::vector<SqlValue>& values) override {
    ASSIGN_OR_RETURN(sqlite3_stmt * statement, Prepare(std::string(sql)));
    int error = SQLITE_OK;
    for (size_t i = 0; i < values.size() && error == SQLITE_OK; ++i)
      error = Bind(statement, static_cast<int>(i) + 1, values[i]);
    std::vector<SqlRow> rows;
    if (error == SQLITE_OK) {
      while ((error = sqlite3_step(statement)) == SQLITE_ROW) rows.push_back(Read(statement));
    }
    absl::Status status;
    if (error != SQLITE_DONE) status = Error(error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (!status.ok()) return status;
    return rows;
  }

  absl::Status Execute(const std::string& sql) override {
    const int error = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
    return error == SQLITE_OK ? absl::OkStatus() : Error(error);
  }

  const char* lock_rows(bool) const override { return ""; }
  const char* shared_clock() const override { return nullptr; }
  bool is_open() const override { return true; }

 private:
  absl::StatusOr<sqlite3_stmt*> Prepare(const std::string& sql) {
    sqlite3_stmt*& statement = statements_[sql];
    if (statement != nullptr) return statement;
    const int error = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (error != SQLITE_OK) {
      statements_.erase(sql);
      return Error(error);
    }
    return statement;
  }

  static int Bind(sqlite3_stmt* statement, int position, const SqlValue& value) {
    if (const auto* integer = std::get_if<int64_t>(&value))
      return sqlite3_bind_int64(statement, position, *integer);
    const std::string& bytes = std::get<std::string>(value);
    return sqlite3_bind_blob64(statement, position, bytes.data(), bytes.size(), SQLITE_STATIC);
  }

  static SqlRow Read(sqlite3_stmt* statement) {
    SqlRow row;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      if (sqlite3_column_type(statement, i) == SQLITE_INTEGER) {
        row.emplace_back(int64_t{sqlite3_column_int64(statement, i)});
      } else {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, i));
        row.emplace_back(data == nullptr ? std::string()
                                         : std::string(data, sqlite3_column_bytes(statement, i)));
      }
    }
    return row;
  }

  absl::Status Error(int error) const {
    const std::string text = absl::StrCat("store: ", sqlite3_errmsg(database_));
    switch (error & 0xff) {
      case SQLITE_FULL:
        return WithReason(absl::ResourceExhaustedError(absl::StrCat(text, "; the disk is full")),
                          "STORE_FULL");
      case SQLITE_IOERR:
        return absl::UnavailableError(absl::StrCat(text, "; the disk does not answer as it must"));
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return absl::DataLossError(text);
      default:
        return absl::InternalError(text);
    }
  }

  sqlite3* const database_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

absl::StatusOr<std::unique_ptr<SqlConnection>> Open(const std::string& path, int flags) {
  sqlite3* database = nullptr;
  const int error = sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  auto connection = std::make_unique<SqliteConnection>(database);
  if (error != SQLITE_OK)
    return absl::FailedPreconditionError(absl::StrCat(path, ": cannot be opened"));
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                    (flags & SQLITE_OPEN_READONLY) != 0 ? 1 : 0, nullptr);
  RETURN_IF_ERROR(connection->Execute(
      "PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
  return connection;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlConnection>> OpenSqlite(const std::string& path) {
  ASSIGN_OR_RETURN(auto connection, Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  RETURN_IF_ERROR(connection->Execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;"));
  ASSIGN_OR_RETURN(const std::vector<SqlRow> check, connection->Query("PRAGMA quick_check(1)", {}));
  if (check.empty() || Bytes(check[0], 0) != "ok")
    return absl::DataLossError(absl::StrCat(path, ": is damaged; restore it from a backup"));
  return connection;
}

absl::StatusOr<std::unique_ptr<SqlConnection>> OpenSqliteReader(const std::string& path) {
  ASSIGN_OR_RETURN(auto connection, Open(path, SQLITE_OPEN_READONLY));
  RETURN_IF_ERROR(connection->Execute("PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0;"));
  return connection;
}

}  // namespace automap

#include "server/jobs/postgres_connection.h"

#include <endian.h>

#include <cstring>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/reason.h"

namespace automap {
namespace {

// Types of values, as PostgreSQL numbers them.
constexpr Oid kInt8 = 20, kBytea = 17;

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string Translate(absl::string_view sql) {
  std::string text =
      absl::StrReplaceAll(sql, {{"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGSERIAL PRIMARY KEY"},
                                {"INTEGER", "BIGINT"},
                                {"BLOB", "BYTEA"},
                                {"BEGIN IMMEDIATE", "BEGIN"}});
  std::string numbered;
  int next = 0;
  for (const char c : text) {
    if (c == '?') {
      absl::StrAppend(&numbered, "$", ++next);
    } else {
      numbered.push_back(c);
    }
  }
  return numbered;
}

absl::Status ErrorOf(PGconn* session, const PGresult* result) {
  if (PQstatus(session) != CONNECTION_OK)
    return absl::UnavailableError("store: the database cannot be reached");
  const char* field = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string state = field == nullptr ? "" : field;
  const char* text =
      result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string message = absl::StrCat("store: ", text == nullptr ? "no answer" : text);
  if (state == "40001" || state == "40P01" || state == "23505") return absl::AbortedError(message);
  if (state == "53100" || state == "53200")
    return WithReason(absl::ResourceExhaustedError(message), "STORE_FULL");
  // Shutting down, starting up, out of connections, a statement that took too long.
  if (absl::StartsWith(state, "57") || absl::StartsWith(state, "08") || state == "53300")
    return absl::UnavailableError(message);
  if (absl::StartsWith(state, "XX")) return absl::DataLossError(message);
  return absl::InternalError(message);
}

// Values in PostgreSQL's binary form.
class Values {
 public:
  explicit Values(const std::vector<SqlValue>& values) : integers_(values.size()) {
    for (size_t i = 0; i < values.size(); ++i) {
      formats_.push_back(1);
      if (const auto* integer = std::get_if<int64_t>(&values[i])) {
        integers_[i] = static_cast<int64_t>(htobe64(static_cast<uint64_t>(*integer)));
        Add(kInt8, reinterpret_cast<const char*>(&integers_[i]), sizeof(int64_t));
      } else {
        const std::string& bytes = std::get<std::string>(values[i]);
        Add(kBytea, bytes.data(), static_cast<int>(bytes.size()));
      }
    }
  }

  Result Run(PGconn* session, const char* sql) const {
    return Result(PQexecParams(session, sql, static_cast<int>(types_.size()), types_.data(),
                               pointers_.data(), sizes_.data(), formats_.data(), 1),
                  PQclear);
  }

 private:
  void Add(Oid type, const char* data, int size) {
    types_.push_back(type);
    pointers_.push_back(data);
    sizes_.push_back(size);
  }
  std::vector<int64_t> integers_;
  std::vector<Oid> types_;
  std::vector<const char*> pointers_;
  std::vector<int> sizes_, formats_;
};

SqlValue ReadValue(const PGresult* result, int row, int column) {
  const char* data = PQgetvalue(result, row, column);
  const int size = PQgetlength(result, row, column);
  if (PQftype(result, column) == kBytea) return std::string(data, size);
  uint64_t integer = 0;
  for (int i = 0; i < size; ++i) integer = integer << 8 | static_cast<unsigned char>(data[i]);
  if (size == 4) return int64_t{static_cast<int32_t>(integer)};
  return static_cast<int64_t>(integer);
}

class PostgresConnection final : public SqlConnection {
 public:
  explicit PostgresConnection(PgSession session) : session_(std::move(session)) {}

  absl::StatusOr<std::vector<SqlRow>> Query(absl::string_view sql,
                                            const std::vector<SqlValue>& values) override {
    std::string& text = translated_[std::string(sql)];
    if (text.empty()) text = Translate(sql);
    const Result result = Values(values).Run(session_.get(), text.c_str());
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      return ErrorOf(session_.get(), result.get());
    std::vector<SqlRow> rows(PQntuples(result.get()));
    for (size_t i = 0; i < rows.size(); ++i) {
      for (int column = 0; column < PQnfields(result.get()); ++column)
        rows[i].push_back(ReadValue(result.get(), static_cast<int>(i), column));
    }
    return rows;
  }

  absl::Status Execute(const std::string& sql) override {
    const Result result(PQexec(session_.get(), Translate(sql).c_str()), PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    // The answer to COMMIT of a transaction that failed before.
    const bool rolled_back = absl::StrContains(PQcmdStatus(result.get()), "ROLLBACK");
    if (sql == "COMMIT" && rolled_back) return absl::AbortedError("store: was rolled back");
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
    return ErrorOf(session_.get(), result.get());
  }

  const char* lock_rows(bool skip) const override {
    return skip ? " FOR UPDATE SKIP LOCKED" : " FOR UPDATE";
  }
  const char* shared_clock() const override {
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000000 AS BIGINT)";
  }
  bool is_open() const override {
    return PQstatus(session_.get()) == CONNECTION_OK &&
           PQtransactionStatus(session_.get()) == PQTRANS_IDLE;
  }

 private:
  const PgSession session_;
  std::map<std::string, std::string> translated_;
};

}  // namespace

absl::StatusOr<PgSession> ConnectToPostgres(const std::string& database) {
  const char* const keys[] = {"dbname",          "connect_timeout",  "application_name",
                              "keepalives_idle", "tcp_user_timeout", nullptr};
  const char* const values[] = {database.c_str(), "5", "automapd", "10", "15000", nullptr};
  PgSession session(PQconnectdbParams(keys, values, /*expand_dbname=*/1), PQfinish);
  if (PQstatus(session.get()) != CONNECTION_OK)
    return absl::UnavailableError("store: the database cannot be reached");
  PQsetNoticeProcessor(
      session.get(), [](void*, const char*) {}, nullptr);
  return session;
}

absl::StatusOr<std::unique_ptr<SqlConnection>> OpenPostgres(const std::string& database) {
  ASSIGN_OR_RETURN(PgSession session, ConnectToPostgres(database));
  auto connection = std::make_unique<PostgresConnection>(std::move(session));
  RETURN_IF_ERROR(connection->Execute("SET statement_timeout = '10s'"));
  RETURN_IF_ERROR(connection->Execute("SET lock_timeout = '5s'"));
  RETURN_IF_ERROR(connection->Execute("SET idle_in_transaction_session_timeout = '15s'"));
  return connection;
}

}  // namespace automap

// A PostgreSQL of the test's own, on loopback, as an unprivileged user.
#pragma once

#include <sys/types.h>

#include <string>

namespace automap {

// Starts in the constructor, ends and removes its files in the destructor.
class Postgres {
 public:
  Postgres();
  ~Postgres();
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  // How to reach it, as libpq takes it. A new, empty database each time.
  std::string NewDatabase();
  // How to reach a new, empty schema of it.
  static std::string NewSchema(const std::string& database, const std::string& name);
  // Ends it at once, as a crash does, and starts it again.
  void Kill();
  void Start();
  bool is_up() const { return pid_ > 0; }

 private:
  std::string folder_;
  int port_ = 0;
  int databases_ = 0;
  pid_t pid_ = 0;
};

}  // namespace automap

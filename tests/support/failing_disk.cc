// For LD_PRELOAD: while the file named by FAILING_DISK is there, nothing can be synced (EIO).
#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

bool Fails() {
  const char* path = std::getenv("FAILING_DISK");
  return path != nullptr && access(path, F_OK) == 0;
}

int Sync(const char* name, int fd) {
  if (Fails()) return errno = EIO, -1;
  return reinterpret_cast<int (*)(int)>(dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" int fsync(int fd) { return Sync("fsync", fd); }
extern "C" int fdatasync(int fd) { return Sync("fdatasync", fd); }

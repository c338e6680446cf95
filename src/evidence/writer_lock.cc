#include "evidence/writer_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/files.h"

namespace crumb {
namespace {

Status InUse(const std::string& path, int fd) {
  char text[24] = {};
  long pid = 0;
  const ssize_t size = ::pread(fd, text, sizeof(text), 0);
  if (size > 0) std::from_chars(text, text + size, pid);
  return Busy(
      fmt::format("the ledger {} is in use by {}; wait for it or use --ledger for another file",
                  path, pid > 0 ? fmt::format("process {}", pid) : "another process"));
}

// Whether the name still stands for this open file: its owner removes it when it is done.
bool IsSameFile(const std::string& name, int fd) {
  struct stat named {};
  struct stat open {};
  return ::stat(name.c_str(), &named) == 0 && ::fstat(fd, &open) == 0 &&
         named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

Status CanNotLock(const std::string& path, int error) {
  return IoError(fmt::format("{}: can not write beside it: {}; choose another place with --ledger",
                             path, std::strerror(error)));
}

}  // namespace

Result<WriterLock> WriterLock::Acquire(const std::string& path) {
  const std::string file = path + ".lock";
  while (true) {
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT) {
      return NotFound(fmt::format("{}: there is no folder {}; make it first", path, DirName(path)));
    }
    if (fd < 0) return CanNotLock(path, errno);
    WriterLock lock({}, fd);  // closes the file on the ways out below, and removes nothing
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return InUse(path, fd);
      return CanNotLock(path, errno);
    }
    if (!IsSameFile(file, fd)) continue;
    lock.file_ = file;
    // Only for the message above; a lock without a readable number still locks.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return CanNotLock(path, errno);
    }
    return lock;
  }
}

WriterLock::~WriterLock() {
  if (fd_ < 0) return;
  if (!file_.empty()) ::unlink(file_.c_str());
  ::close(fd_);
}

}  // namespace crumb

// One writer at a time: a lock on the file PATH.lock, which holds the process id of its owner. The
// kernel frees it when the process ends, however it ends. Internal to src/evidence.
#ifndef CRUMB_EVIDENCE_WRITER_LOCK_H_
#define CRUMB_EVIDENCE_WRITER_LOCK_H_

#include <string>
#include <utility>

#include "base/status.h"

namespace crumb {

class WriterLock {
 public:
  // kBusy names the process that holds it.
  static Result<WriterLock> Acquire(const std::string& path);
  WriterLock(WriterLock&& other) noexcept
      : file_(std::move(other.file_)), fd_(std::exchange(other.fd_, -1)) {}
  WriterLock& operator=(WriterLock&&) = delete;
  ~WriterLock();

 private:
  WriterLock(std::string file, int fd) : file_(std::move(file)), fd_(fd) {}
  std::string file_;
  int fd_;
};

}  // namespace crumb

#endif  // CRUMB_EVIDENCE_WRITER_LOCK_H_

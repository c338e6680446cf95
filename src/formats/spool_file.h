// A temporary file without a name: written once, read back once, gone with the process.
#ifndef CRUMB_FORMATS_SPOOL_FILE_H_
#define CRUMB_FORMATS_SPOOL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"

namespace crumb {

class SpoolFile {
 public:
  // In `folder`, which must be writable; `label` names the file in messages.
  static Result<SpoolFile> Create(const std::string& folder, const std::string& label);

  Status Append(std::span<const std::byte> bytes);
  int64_t size() const { return size_; }

  // Hands the whole content to `sink` in pieces of up to 1 MiB. Nothing may be appended after it.
  Status Drain(const std::function<Status(std::span<const std::byte>)>& sink);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  SpoolFile(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  Status Failed(const char* deed) const;

  std::unique_ptr<std::FILE, Close> file_;
  std::string path_;
  int64_t size_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_FORMATS_SPOOL_FILE_H_

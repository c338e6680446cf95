// Files: read-only memory maps, whole reads, and writes that are either complete or not there.
//
// Every error message names the file by the path that the caller gave.
#ifndef CRUMB_BASE_FILES_H_
#define CRUMB_BASE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

// A whole file mapped for reading. The bytes stay valid as long as the object lives; owners of
// views keep the shared_ptr. A file of zero bytes maps to an empty span. Safe to read from any
// thread.
class MappedFile {
 public:
  static Result<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::string path_;
  const std::byte* data_;
  size_t size_;
};

// The whole file as a string. A file larger than max_bytes is kCorrupt ("... is larger than ...").
Result<std::string> ReadFile(const std::string& path, int64_t max_bytes = int64_t{1} << 31);

// Writes a file so that `path` either keeps its old content or has all of the new one, also after a
// crash: temporary file beside it, fsync, rename, fsync of the folder. The destructor of an
// uncommitted AtomicFile removes the temporary file.
class AtomicFile {
 public:
  static Result<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

  Status Append(std::span<const std::byte> bytes);
  Status Append(std::string_view text);
  int64_t size() const { return size_; }
  Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  void Discard();
  std::string path_;
  std::string temporary_;
  int fd_ = -1;
  int64_t size_ = 0;
};

Status WriteFileAtomic(const std::string& path, std::string_view content);

// The same promise for a folder: fill temporary() and Commit() renames it to `path`. An existing
// folder at `path` is replaced only if `replace` was asked for (the two change places in one step,
// then the old one is removed); otherwise Create says so. Temporary folders left by a killed
// process are removed by the next Create for the same path; those of a running one are locked and
// stay.
class AtomicFolder {
 public:
  static Result<AtomicFolder> Create(const std::string& path, bool replace);
  AtomicFolder(AtomicFolder&& other) noexcept;
  AtomicFolder& operator=(AtomicFolder&& other) noexcept;
  ~AtomicFolder();

  const std::string& temporary() const { return temporary_; }
  Status Commit();

 private:
  AtomicFolder(std::string path, std::string temporary, int lock)
      : path_(std::move(path)), temporary_(std::move(temporary)), lock_(lock) {}
  void Discard();
  std::string path_;
  std::string temporary_;  // empty after Commit
  int lock_ = -1;          // of the temporary folder, held while it is filled
};

bool PathExists(const std::string& path);
bool IsFolder(const std::string& path);
Result<int64_t> FileSize(const std::string& path);
// Bytes of all regular files below `path`.
Result<int64_t> FolderSize(const std::string& path);
// Names (not paths) in a folder, sorted.
Result<std::vector<std::string>> ListFolder(const std::string& path);
// mkdir -p.
Status MakeFolders(const std::string& path);
// rm -r; a path that does not exist is ok.
Status RemoveAll(const std::string& path);
// Bytes free for this user on the file system that holds `path` (or its nearest existing parent).
Result<int64_t> FreeDiskBytes(const std::string& path);

std::string JoinPath(std::string_view folder, std::string_view name);
// The part after the last slash: what the ledger keeps of a path.
std::string BaseName(std::string_view path);
std::string DirName(std::string_view path);

// $CRUMB_CACHE, or $XDG_CACHE_HOME/crumb, or ~/.cache/crumb.
std::string CacheFolder();

}  // namespace crumb

#endif  // CRUMB_BASE_FILES_H_

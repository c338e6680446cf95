#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

#include "base/large_pages.h"

namespace crumb {
namespace {

namespace fs = std::filesystem;

Status FromErrno(const std::string& path, std::string_view deed, int error) {
  if (error == ENOENT) return NotFound(fmt::format("{}: no such file or folder", path));
  std::string advice;
  if (error == ENOSPC || error == EDQUOT) advice = "; free some room and run it again";
  if (error == EROFS || error == EACCES || error == EPERM) {
    advice = "; choose another place or change its permissions";
  }
  return IoError(fmt::format("{}: can not {}: {}{}", path, deed, std::strerror(error), advice));
}

Status FromCode(const std::string& path, std::string_view deed, const std::error_code& code) {
  return FromErrno(path, deed, code.value());
}

// Makes a rename or a new file in `folder` survive a crash.
Status SyncFolder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return FromErrno(folder, "open", errno);
  const int failed = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  // Some file systems (and pipes to them) do not sync folders; that is no reason to refuse a write.
  if (failed != 0 && error != EINVAL && error != ENOTSUP) return FromErrno(folder, "sync", error);
  return OkStatus();
}

// A lock on a folder that ends with this process, or -1 when another one holds it.
int LockFolder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  ::close(fd);
  return -1;
}

// Removes folders in `parent` whose name starts with `prefix` and that no process has locked.
Status RemoveAbandoned(const std::string& parent, const std::string& prefix) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(parent));
  for (const std::string& name : names) {
    const std::string path = JoinPath(parent, name);
    if (!name.starts_with(prefix) || !IsFolder(path)) continue;
    const int lock = LockFolder(path);
    if (lock < 0) continue;
    const Status removed = RemoveAll(path);
    ::close(lock);
    CRUMB_RETURN_IF_ERROR(removed);
  }
  return OkStatus();
}

// Where the files lie that are mapped now, by the address of their end.
struct Maps {
  std::mutex mutex;
  std::map<const std::byte*, const std::byte*> begin_of;
};
Maps& CurrentMaps() {
  static auto* maps = new Maps;  // never destroyed: files may outlive other statics
  return *maps;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FromErrno(path, "open", errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    const int error = errno;
    ::close(fd);
    return FromErrno(path, "read", error);
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(fd);
    return InvalidArgument(fmt::format("{}: is not a regular file", path));
  }
  const auto size = static_cast<size_t>(info.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      const int error = errno;
      ::close(fd);
      return FromErrno(path, "map", error);
    }
    data = static_cast<const std::byte*>(map);
    Maps& maps = CurrentMaps();
    const std::lock_guard lock(maps.mutex);
    maps.begin_of[data + size] = data;
  }
  ::close(fd);
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

MappedFile::~MappedFile() {
  if (size_ == 0) return;
  Maps& maps = CurrentMaps();
  const std::lock_guard lock(maps.mutex);
  maps.begin_of.erase(data_ + size_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

void ReleaseFilePages(std::span<const std::byte> bytes) {
  Maps& maps = CurrentMaps();
  const std::lock_guard lock(maps.mutex);
  const auto file = maps.begin_of.upper_bound(bytes.data());
  if (file == maps.begin_of.end() || bytes.data() < file->second) return;
  if (bytes.data() + bytes.size() > file->first) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t begin = (first + page - 1) / page * page;
  const uintptr_t end = (first + bytes.size()) / page * page;
  // Of a private map that nobody can write to, so that nothing is lost.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return FromErrno(path, "open", errno);
  std::string content;
  std::string chunk(1 << 16, '\0');
  while (true) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      ::close(fd);
      return FromErrno(path, "read", error);
    }
    if (got == 0) break;
    content.append(chunk.data(), static_cast<size_t>(got));
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      ::close(fd);
      return Corrupt(fmt::format("{}: is larger than the {} bytes that such a file may have", path,
                                 max_bytes));
    }
  }
  ::close(fd);
  return content;
}

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  std::string temporary = path + ".tmp-XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return FromErrno(path, "write", errno);
  ::fchmod(fd, 0644);
  return AtomicFile(path, std::move(temporary), fd);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    Discard();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    fd_ = std::exchange(other.fd_, -1);
    size_ = other.size_;
  }
  return *this;
}

AtomicFile::~AtomicFile() { Discard(); }

void AtomicFile::Discard() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
  fd_ = -1;
}

Status AtomicFile::Append(std::span<const std::byte> bytes) {
  CRUMB_CHECK(fd_ >= 0);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (put < 0) {
      if (errno == EINTR) continue;
      return FromErrno(path_, "write", errno);
    }
    done += static_cast<size_t>(put);
  }
  size_ += static_cast<int64_t>(bytes.size());
  return OkStatus();
}

Status AtomicFile::Append(std::string_view text) {
  return Append(std::as_bytes(std::span(text.data(), text.size())));
}

Status AtomicFile::Commit() {
  CRUMB_CHECK(fd_ >= 0);
  if (::fsync(fd_) != 0) return FromErrno(path_, "write", errno);
  if (::close(std::exchange(fd_, -1)) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    return FromErrno(path_, "write", error);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    return FromErrno(path_, "write", error);
  }
  return SyncFolder(DirName(path_));
}

Status WriteFileAtomic(const std::string& path, std::string_view content) {
  CRUMB_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  CRUMB_RETURN_IF_ERROR(file.Append(content));
  return file.Commit();
}

Result<AtomicFolder> AtomicFolder::Create(const std::string& path, bool replace) {
  std::string target = path;
  while (target.size() > 1 && target.back() == '/') target.pop_back();
  if (PathExists(target)) {
    if (!IsFolder(target)) {
      return InvalidArgument(fmt::format("{}: is a file, a folder is to be written there", target));
    }
    CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(target));
    if (!names.empty() && !replace) {
      return InvalidArgument(
          fmt::format("{}: exists already; choose another folder or say --force", target));
    }
  }
  const std::string parent = DirName(target);
  CRUMB_RETURN_IF_ERROR(MakeFolders(parent));
  const std::string prefix = BaseName(target) + ".tmp-";
  CRUMB_RETURN_IF_ERROR(RemoveAbandoned(parent, prefix));
  std::string temporary = JoinPath(parent, prefix + "XXXXXX");
  if (::mkdtemp(temporary.data()) == nullptr) return FromErrno(target, "write", errno);
  ::chmod(temporary.c_str(), 0755);
  const int lock = LockFolder(temporary);
  return AtomicFolder(std::move(target), std::move(temporary), lock);
}

AtomicFolder::AtomicFolder(AtomicFolder&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      lock_(std::exchange(other.lock_, -1)) {}

AtomicFolder& AtomicFolder::operator=(AtomicFolder&& other) noexcept {
  if (this != &other) {
    Discard();
    path_ = std::move(other.path_);
    temporary_ = std::exchange(other.temporary_, {});
    lock_ = std::exchange(other.lock_, -1);
  }
  return *this;
}

AtomicFolder::~AtomicFolder() { Discard(); }

void AtomicFolder::Discard() {
  if (!temporary_.empty()) static_cast<void>(RemoveAll(temporary_).ok());
  temporary_.clear();
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
}

Status AtomicFolder::Commit() {
  CRUMB_CHECK(!temporary_.empty());
  CRUMB_RETURN_IF_ERROR(SyncFolder(temporary_));
  if (PathExists(path_)) {
    // A folder can not be renamed over a full one, but the two can change places in one step.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
      return FromErrno(path_, "replace", errno);
    }
    CRUMB_RETURN_IF_ERROR(SyncFolder(DirName(path_)));
    Discard();  // the old folder, which has the temporary name now
    return OkStatus();
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return FromErrno(path_, "write", errno);
  temporary_.clear();
  Discard();
  return SyncFolder(DirName(path_));
}

bool PathExists(const std::string& path) {
  std::error_code code;
  return fs::exists(path, code);
}

bool IsFolder(const std::string& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

Result<int64_t> FileSize(const std::string& path) {
  std::error_code code;
  const auto size = fs::file_size(path, code);
  if (code) return FromCode(path, "read", code);
  return static_cast<int64_t>(size);
}

Result<int64_t> FolderSize(const std::string& path) {
  std::error_code code;
  int64_t total = 0;
  for (auto it = fs::recursive_directory_iterator(path, code); !code && it != fs::end(it);
       it.increment(code)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) total += static_cast<int64_t>(it->file_size(ignored));
  }
  if (code) return FromCode(path, "list", code);
  return total;
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code code;
  std::vector<std::string> names;
  for (auto it = fs::directory_iterator(path, code); !code && it != fs::end(it);
       it.increment(code)) {
    names.push_back(it->path().filename().string());
  }
  if (code) return FromCode(path, "list", code);
  std::sort(names.begin(), names.end());
  return names;
}

Status MakeFolders(const std::string& path) {
  if (path.empty()) return OkStatus();
  std::error_code code;
  fs::create_directories(path, code);
  if (code) return FromCode(path, "make the folder", code);
  return OkStatus();
}

Status RemoveAll(const std::string& path) {
  std::error_code code;
  fs::remove_all(path, code);
  if (code) return FromCode(path, "remove", code);
  return OkStatus();
}

Result<int64_t> FreeDiskBytes(const std::string& path) {
  std::string place = path.empty() ? "." : path;
  while (!PathExists(place) && place != "." && place != "/") place = DirName(place);
  struct statvfs info {};
  if (::statvfs(place.c_str(), &info) != 0) return FromErrno(place, "ask for the free room", errno);
  return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  if (folder.back() == '/') return fmt::format("{}{}", folder, name);
  return fmt::format("{}/{}", folder, name);
}

std::string BaseName(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string DirName(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  if (slash == 0) return "/";
  return std::string(path.substr(0, slash));
}

std::string CacheFolder() {
  if (const char* own = std::getenv("CRUMB_CACHE"); own != nullptr && *own != '\0') return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0') {
    return JoinPath(xdg, "crumb");
  }
  const char* home = std::getenv("HOME");
  return JoinPath(home != nullptr && *home != '\0' ? home : ".", ".cache/crumb");
}

}  // namespace crumb

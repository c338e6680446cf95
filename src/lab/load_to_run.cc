#include "lab/load_to_run.h"

#include "measure/memory_map.h"
#include "model/large_pages.h"

namespace crumb {

Result<std::unique_ptr<Model>> LoadToRun(const std::string& path, const LoadOptions& options) {
  return LoadIntoLargePages(path, options, ReadAvailableMemory().bytes / 2);
}

}  // namespace crumb

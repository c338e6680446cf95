#include "lab/load_to_run.h"

#include "measure/memory_map.h"
#include "model/large_pages.h"

namespace crumb {

Result<std::unique_ptr<Model>> LoadToRun(const std::string& path, const LoadOptions& options) {
  CRUMB_ASSIGN_OR_RETURN(std::unique_ptr<Model> model, Model::Load(path, options));
  if (model->weight_bytes() <= ReadAvailableMemory().bytes / 2) MoveToLargePages(*model);
  return model;
}

}  // namespace crumb

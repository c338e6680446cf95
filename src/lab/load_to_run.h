// Loading a model for work that reads its weights again and again.
#ifndef CRUMB_LAB_LOAD_TO_RUN_H_
#define CRUMB_LAB_LOAD_TO_RUN_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "model/model.h"

namespace crumb {

// LoadIntoLargePages with the half of the memory that is still to be had; weights that take more
// stay where they lie in the file.
Result<std::unique_ptr<Model>> LoadToRun(const std::string& path, const LoadOptions& options = {});

}  // namespace crumb

#endif  // CRUMB_LAB_LOAD_TO_RUN_H_

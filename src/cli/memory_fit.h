// Will it fit: what a model needs for a context and a batch, before it is loaded.
#ifndef CRUMB_CLI_MEMORY_FIT_H_
#define CRUMB_CLI_MEMORY_FIT_H_

#include <string>

#include "base/json_fwd.h"
#include "base/status.h"
#include "lab/memory_need.h"

namespace crumb {

// Parts with their formulas, their sum, what is available, and the verdict.
Result<Json> DescribeFit(const std::string& path, MemoryRequest request);
void PrintFit(const Json& fit);

}  // namespace crumb

#endif  // CRUMB_CLI_MEMORY_FIT_H_

// Another program run without a shell.
#ifndef CRUMB_FETCH_CHILD_PROCESS_H_
#define CRUMB_FETCH_CHILD_PROCESS_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace crumb {

// Runs `arguments[0]` (looked up in PATH) with these arguments, standard input empty, both outputs
// into the file `log`, and `environment` (NAME, VALUE) on top of ours. `tick` is called about ten
// times a second; false ends the child (SIGTERM, then SIGKILL) and the result is kInterrupted. The
// child dies with us. Returns its exit code (128 + signal for a killed one); kNotFound where the
// program can not be started.
Result<int> RunChild(const std::vector<std::string>& arguments,
                     const std::vector<std::pair<std::string, std::string>>& environment,
                     const std::string& log, const std::function<bool()>& tick);

}  // namespace crumb

#endif  // CRUMB_FETCH_CHILD_PROCESS_H_

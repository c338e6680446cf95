// Which crumb this is.
#ifndef CRUMB_BASE_VERSION_H_
#define CRUMB_BASE_VERSION_H_

#include <string_view>

namespace crumb {

// For example "0.1.0".
std::string_view CrumbVersion();

// The first 12 digits of the git commit that was built, with "-dirty" behind it when the tree had
// changes that were not committed; "unknown" when it was not built from a git repository.
std::string_view CrumbCommit();

}  // namespace crumb

#endif  // CRUMB_BASE_VERSION_H_

#include "base/version.h"

#include "crumb_version.inc"  // written by cmake/crumb_version.cmake

namespace crumb {

std::string_view CrumbVersion() { return CRUMB_VERSION_TEXT; }
std::string_view CrumbCommit() { return CRUMB_COMMIT_TEXT; }

}  // namespace crumb

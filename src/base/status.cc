#include "base/status.h"

#include <cstdio>
#include <cstdlib>

namespace crumb {

std::string_view StatusCodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kInvalidArgument:
      return "invalid argument";
    case StatusCode::kNotFound:
      return "not found";
    case StatusCode::kCorrupt:
      return "corrupt";
    case StatusCode::kUnsupported:
      return "unsupported";
    case StatusCode::kIoError:
      return "input/output error";
    case StatusCode::kBusy:
      return "busy";
    case StatusCode::kNetwork:
      return "network error";
    case StatusCode::kInterrupted:
      return "interrupted";
    case StatusCode::kNumerics:
      return "numerics";
    case StatusCode::kInternal:
      return "internal fault";
  }
  return "unknown";
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return *this;
  return {code_, std::string(context) + ": " + message_};
}

namespace internal {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "crumb: fault in the program: %s is false at %s:%d\n", condition, file,
               line);
  std::abort();
}

}  // namespace internal
}  // namespace crumb

// CRUMB_CHECK(condition): a fault of crumb itself stops the program with file and line. It is never
// used on anything that a user or a file can decide; that is a Status (base/status.h).
#ifndef CRUMB_BASE_CHECK_H_
#define CRUMB_BASE_CHECK_H_

namespace crumb::internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace crumb::internal

#define CRUMB_CHECK(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::crumb::internal::CheckFailed(#condition, __FILE__, __LINE__))

#endif  // CRUMB_BASE_CHECK_H_

// Errors as values. Status says whether something worked; Result<T> carries a T or the Status that
// says why there is none. Nothing in crumb throws on purpose, and only src/cli prints or exits.
//
// A message is one line for a person: it names the file, the place in it, and what to do.
#ifndef CRUMB_BASE_STATUS_H_
#define CRUMB_BASE_STATUS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace crumb {

enum class StatusCode {
  kOk = 0,
  kInvalidArgument,  // an option or a call that can not be meant so
  kNotFound,         // a file, a tensor, a row that is not there
  kCorrupt,          // bytes that break their format, a hash that differs
  kUnsupported,      // well formed, but something that crumb does not know
  kIoError,          // the operating system refused: permission, disk full, read error
  kBusy,             // another process holds it
  kNetwork,          // a server could not be reached, or answered with an error
  kInterrupted,      // the user asked to stop
  kNumerics,         // NaN, Inf, not positive definite; the message carries counts
  kInternal,         // a fault of crumb
};

std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same status with "context: " put before its message. An ok status stays as it is.
  Status WithContext(std::string_view context) const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

inline Status OkStatus() { return {}; }
inline Status InvalidArgument(std::string m) {
  return {StatusCode::kInvalidArgument, std::move(m)};
}
inline Status NotFound(std::string m) { return {StatusCode::kNotFound, std::move(m)}; }
inline Status Corrupt(std::string m) { return {StatusCode::kCorrupt, std::move(m)}; }
inline Status Unsupported(std::string m) { return {StatusCode::kUnsupported, std::move(m)}; }
inline Status IoError(std::string m) { return {StatusCode::kIoError, std::move(m)}; }
inline Status Busy(std::string m) { return {StatusCode::kBusy, std::move(m)}; }
inline Status NetworkError(std::string m) { return {StatusCode::kNetwork, std::move(m)}; }
inline Status Interrupted(std::string m) { return {StatusCode::kInterrupted, std::move(m)}; }
inline Status NumericsError(std::string m) { return {StatusCode::kNumerics, std::move(m)}; }
inline Status InternalError(std::string m) { return {StatusCode::kInternal, std::move(m)}; }

// A T, or the error that stands in its place. value() on an error is a fault of the caller (CHECK).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit on purpose
  Result(Status status) : status_(std::move(status)) {  // NOLINT: implicit on purpose
    CRUMB_CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & {
    CRUMB_CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    CRUMB_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    CRUMB_CHECK(ok());
    return std::move(*value_);
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace crumb

#define CRUMB_CONCAT_INNER_(a, b) a##b
#define CRUMB_CONCAT_(a, b) CRUMB_CONCAT_INNER_(a, b)

// Leaves the function with the Status of `expr` unless it is ok.
#define CRUMB_RETURN_IF_ERROR(expr)                                                        \
  do {                                                                                     \
    if (::crumb::Status crumb_status_ = (expr); !crumb_status_.ok()) return crumb_status_; \
  } while (false)

// `lhs` = the value of the Result `expr`, or leaves the function with its Status.
#define CRUMB_ASSIGN_OR_RETURN(lhs, expr) \
  CRUMB_ASSIGN_OR_RETURN_IMPL_(CRUMB_CONCAT_(crumb_result_, __LINE__), lhs, expr)
#define CRUMB_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return result.status();             \
  lhs = std::move(result).value()

#endif  // CRUMB_BASE_STATUS_H_

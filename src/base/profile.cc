#include "base/profile.h"

#include <chrono>

#include "base/check.h"

namespace crumb {
namespace {

int64_t Nanoseconds() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_start).count();
}

}  // namespace

namespace internal {
constinit thread_local Profile* profile = nullptr;
}

std::string_view WorkKindName(WorkKind kind) {
  constexpr std::string_view kNames[kWorkKinds] = {"other",    "matrices",  "rotations",
                                                   "rounding", "attention", "norms",
                                                   "layers",   "sampling",  "waiting"};
  return kNames[static_cast<size_t>(kind)];
}

Profile::Profile() : since_(Nanoseconds()) {
  CRUMB_CHECK(internal::profile == nullptr);
  internal::profile = this;
}

Profile::~Profile() { internal::profile = nullptr; }

double Profile::Seconds(WorkKind kind) {
  Switch(current_);
  return 1e-9 * static_cast<double>(nanoseconds_[static_cast<size_t>(kind)]);
}

WorkKind Profile::Switch(WorkKind to) {
  const int64_t now = Nanoseconds();
  nanoseconds_[static_cast<size_t>(current_)] += now - since_;
  since_ = now;
  const WorkKind before = current_;
  current_ = to;
  return before;
}

}  // namespace crumb

// How a long piece of work tells what it does and how long it still takes.
#ifndef CRUMB_LAB_PROGRESS_H_
#define CRUMB_LAB_PROGRESS_H_

#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "measure/machine.h"

namespace crumb {

struct ProgressState {
  std::string step;     // "quality, en window 3 of 12"
  double fraction = 0;  // of all work, 0 .. 1
  double seconds_left = 0;
};

// Called between pieces of work; false asks to stop.
using ProgressFn = std::function<bool(const ProgressState&)>;

// Turns pieces of work with expected costs into a time left. The expected seconds only weigh the
// pieces against each other: what was really needed so far sets the scale.
class WorkClock {
 public:
  explicit WorkClock(ProgressFn report) : report_(std::move(report)), start_(Now()) {}

  void Expect(double seconds) { expected_ += seconds; }
  // One piece that was expected to take `seconds` is about to start. kInterrupted when asked to
  // stop.
  Status Begin(std::string_view step) const {
    if (!report_) return OkStatus();
    const double elapsed = Now() - start_;
    // Before a tenth of the work is done the expectation is the better guide.
    const double scale = done_ > 0.1 * expected_ ? elapsed / done_ : 1.0;
    const ProgressState state{std::string(step), expected_ > 0 ? done_ / expected_ : 0,
                              scale * (expected_ - done_)};
    if (report_(state)) return OkStatus();
    return Interrupted("stopped; the same command goes on from here");
  }
  void Done(double seconds) { done_ += seconds; }
  double expected_seconds() const { return expected_; }

 private:
  ProgressFn report_;
  double start_;
  double expected_ = 0;
  double done_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_LAB_PROGRESS_H_

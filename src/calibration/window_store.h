// Activations of all calibration windows between two stages of a model. Up to kAnonymousBytes they
// lie in memory; more lie in a mapped temporary file that the system writes out as it likes (and
// does so all the time, which costs as much as a core where it is not needed).
#ifndef CRUMB_CALIBRATION_WINDOW_STORE_H_
#define CRUMB_CALIBRATION_WINDOW_STORE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace crumb {

class WindowStore {
 public:
  static constexpr int64_t kAnonymousBytes = int64_t{1} << 30;

  // Room for `windows` windows of `rows` x `width` float32 numbers, all 0; above `anonymous_bytes`
  // in a file without a name in `folder`, whose room on the disk is taken at once: kIoError when it
  // is not there.
  static Result<WindowStore> Create(const std::string& folder, int64_t windows, int64_t rows,
                                    int64_t width, int64_t anonymous_bytes = kAnonymousBytes);

  // Window i as `rows` x `width` numbers; any use of less is up to the caller. Different windows
  // may be written by different threads.
  float* Window(int64_t i) const { return data_.get() + i * window_floats_; }

 private:
  WindowStore(float* data, size_t bytes, int64_t window_floats)
      : data_(data, Unmap{bytes}), window_floats_(window_floats) {}

  struct Unmap {
    size_t bytes;
    void operator()(float* data) const;
  };
  std::unique_ptr<float, Unmap> data_;
  int64_t window_floats_;
};

}  // namespace crumb

#endif  // CRUMB_CALIBRATION_WINDOW_STORE_H_

// What a calibration has finished so far, in a folder beside the file to be: the moments of each
// step as a file of their own, and the residual stream of all windows before the next step. A step
// is a block of the model, or the head. Internal to calibration.cc.
//
// Every file is complete or not there, and the stream behind a step is on the disk before the
// step's moments are: whatever moment a process is killed at, the step that it was in can be done
// again.
#ifndef CRUMB_CALIBRATION_CALIBRATION_PARTIAL_H_
#define CRUMB_CALIBRATION_CALIBRATION_PARTIAL_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "calibration/calibration_format.h"

namespace crumb {

class CalibrationPartial {
 public:
  // Opens or makes `folder` for this process alone (kBusy). What lies there of a calibration whose
  // manifest differs from `manifest` in anything is removed. A stream has `stream_bytes` bytes.
  static Result<CalibrationPartial> Open(const std::string& folder, const Json& manifest,
                                         int64_t stream_bytes);
  CalibrationPartial(CalibrationPartial&& other) noexcept;
  CalibrationPartial& operator=(CalibrationPartial&&) = delete;
  ~CalibrationPartial();

  // Where the stream before step `step` (0: the embeddings) is or is to be.
  std::string StreamPath(int64_t step) const;
  // The first of `steps` steps that is still to be done (= steps: none); -1 when there is not even
  // the stream before the first one.
  Result<int64_t> NextStep(int64_t steps) const;
  // To be called once the stream behind the step is there; the one before it is removed.
  Status Finish(int64_t step, const Json& manifest, std::span<const InputMoments> inputs);
  // The finished steps 0 .. steps - 1 as one file at `path`; the folder goes.
  Status Join(int64_t steps, const std::string& path, const Json& manifest) const;

 private:
  CalibrationPartial(std::string folder, int lock, int64_t stream_bytes)
      : folder_(std::move(folder)), lock_(lock), stream_bytes_(stream_bytes) {}
  std::string MomentsPath(int64_t step) const;
  std::string folder_;
  int lock_ = -1;
  int64_t stream_bytes_ = 0;
};

}  // namespace crumb

#endif  // CRUMB_CALIBRATION_CALIBRATION_PARTIAL_H_

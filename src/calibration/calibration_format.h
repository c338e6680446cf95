// The container of second moments: a safetensors file with, for each input of matrices, the tensors
// NAME.hessian (the triangle of H row by row), NAME.mean and NAME.mean_abs, all F32, and the
// manifest as JSON in the metadata. Its object "inputs" has for each NAME the columns, the rows
// summed, those left out, and the SHA-256 of the three tensors' bytes one after another.
// Internal to calibration.cc and calibration_file.cc.
#ifndef CRUMB_CALIBRATION_CALIBRATION_FORMAT_H_
#define CRUMB_CALIBRATION_CALIBRATION_FORMAT_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "calibration/second_moments.h"
#include "formats/safetensors.h"

namespace crumb {

inline constexpr int64_t kCalibrationFormatVersion = 1;

class MomentsFile {
 public:
  static Result<MomentsFile> Open(const std::string& path);
  // The same over tensors that were read; `path` is for messages.
  static Result<MomentsFile> Parse(SafetensorsFile file, const std::string& path);

  // With the whole matrix as `hessian`.
  Result<SecondMoments> Read(std::string_view input) const;

  const Json& manifest() const { return *manifest_; }
  const std::string& manifest_sha256() const { return manifest_sha256_; }
  const TensorStore& tensors() const { return tensors_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  TensorStore tensors_;
  std::shared_ptr<const Json> manifest_;
  std::string manifest_sha256_;
};

struct InputMoments {
  std::string name;
  SecondMoments moments;  // hessian: the triangle
};

// `manifest` gets its "inputs". Atomic.
Status WriteMoments(const std::string& path, Json manifest, std::span<const InputMoments> inputs);
// All inputs of `parts` in one file; nothing of them is held in anonymous memory.
Status JoinMoments(const std::string& path, Json manifest, std::span<const MomentsFile> parts);

}  // namespace crumb

#endif  // CRUMB_CALIBRATION_CALIBRATION_FORMAT_H_

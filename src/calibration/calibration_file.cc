// A calibration file as later runs read it.
#include <fmt/format.h>

#include "base/json.h"
#include "calibration/calibration.h"
#include "calibration/calibration_format.h"
#include "text/fingerprint.h"

namespace crumb {

struct CalibrationFile::State {
  MomentsFile file;
  std::string model_name;
  std::string model_sha256;
  std::vector<uint64_t> line_hashes;
};

CalibrationFile::CalibrationFile() = default;
CalibrationFile::~CalibrationFile() = default;

Result<std::unique_ptr<CalibrationFile>> CalibrationFile::Open(const std::string& path) {
  CRUMB_ASSIGN_OR_RETURN(MomentsFile file, MomentsFile::Open(path));
  const Json& manifest = file.manifest();
  const auto model = manifest.find("model");
  const auto lines = manifest.find("line_hashes");
  if (model == manifest.end() || !model->is_object() || lines == manifest.end()) {
    return Corrupt(fmt::format("{}: the manifest names no model or no lines of text", path));
  }
  auto state = std::make_unique<State>();
  CRUMB_ASSIGN_OR_RETURN(state->model_name, JsonString(*model, "name", path));
  CRUMB_ASSIGN_OR_RETURN(state->model_sha256, JsonString(*model, "sha256", path));
  CRUMB_ASSIGN_OR_RETURN(state->line_hashes, LineHashesFromJson(*lines, path));
  state->file = std::move(file);
  std::unique_ptr<CalibrationFile> result(new CalibrationFile());
  result->state_ = std::move(state);
  return result;
}

Result<SecondMoments> CalibrationFile::Moments(std::string_view input_name) const {
  return state_->file.Read(input_name);
}

const Json& CalibrationFile::manifest() const { return state_->file.manifest(); }
const std::string& CalibrationFile::sha256() const { return state_->file.manifest_sha256(); }
std::span<const uint64_t> CalibrationFile::line_hashes() const { return state_->line_hashes; }

Status CalibrationFile::CheckModel(const Model& model, const std::string& model_sha256) const {
  const std::string& path = state_->file.path();
  if (state_->model_sha256 != model_sha256) {
    return InvalidArgument(fmt::format(
        "{}: was made from {} ({:.8}), not from {} ({:.8}); run crumb calibrate on this model",
        path, state_->model_name, state_->model_sha256, model.path(), model_sha256));
  }
  const Json& inputs = manifest().at("inputs");
  for (const NamedMatrix& named : model.matrices()) {
    if (named.role == MatrixRole::kEmbedding) continue;
    const auto input = inputs.find(InputNameOf(named));
    if (input == inputs.end() || input->at("cols") != named.matrix.cols) {
      return InvalidArgument(fmt::format("{}: has no moments of what {} reads ({}, {} columns)",
                                         path, named.name, InputNameOf(named), named.matrix.cols));
    }
  }
  return OkStatus();
}

}  // namespace crumb

#include "eval/overlap.h"

#include "base/files.h"
#include "base/json.h"
#include "text/fingerprint.h"

namespace crumb {

Result<std::vector<uint64_t>> CalibrationLines(const std::string& model_path) {
  const std::string path = JoinPath(model_path, "manifest.json");
  if (!IsFolder(model_path) || !PathExists(path)) return std::vector<uint64_t>();
  CRUMB_ASSIGN_OR_RETURN(const Json manifest, ReadJsonFile(path));
  const auto calibration = manifest.find("calibration");
  // Without calibration it is missing or says "none".
  if (calibration == manifest.end() || !calibration->is_object()) return std::vector<uint64_t>();
  const auto lines = calibration->find("line_hashes");
  if (lines == calibration->end()) return std::vector<uint64_t>();
  return LineHashesFromJson(*lines, path);
}

Result<int64_t> CalibrationOverlap(const std::string& model_path, std::string_view text) {
  CRUMB_ASSIGN_OR_RETURN(const std::vector<uint64_t> lines, CalibrationLines(model_path));
  return lines.empty() ? int64_t{0} : CountShared(lines, LineHashes(text));
}

}  // namespace crumb

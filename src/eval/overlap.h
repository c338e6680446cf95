// Whether a model was calibrated on what it is evaluated on. A quantizer that saw the text fits its
// errors to it, and the figures then promise too much.
//
// One line of at least 40 characters (text/fingerprint.h) in common is an overlap: two texts that
// have nothing to do with each other share none (docs/calibration.md has counts), and one that was
// used shares many, whatever windows were read.
#ifndef CRUMB_EVAL_OVERLAP_H_
#define CRUMB_EVAL_OVERLAP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

// Fingerprints of the lines that a packed folder was calibrated on, sorted: the list "line_hashes"
// of "calibration" in its manifest. Empty: a model that was not calibrated, or is no packed folder.
// kCorrupt names the manifest.
Result<std::vector<uint64_t>> CalibrationLines(const std::string& model_path);

// How many lines of `text` the model at `model_path` was calibrated on.
Result<int64_t> CalibrationOverlap(const std::string& model_path, std::string_view text);

}  // namespace crumb

#endif  // CRUMB_EVAL_OVERLAP_H_

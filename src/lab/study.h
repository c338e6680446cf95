// The study: one model at many widths, every figure a row of the ledger.
//
// What is compared: variants.cc. Steps, each in a file of its own: what the machine is
// (machine_step.cc), quantize and weigh (size_step.cc), quality of decoders (quality_step.cc) or
// encoders (encoder_step.cc), questions (tasks_step.cc), speed (speed_step.cc), energy
// (energy_step.cc). Every step first asks the ledger what is there already, so the same command
// goes on where a killed one stopped, and a finished study costs nothing to repeat.
#ifndef CRUMB_LAB_STUDY_H_
#define CRUMB_LAB_STUDY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "calibration/calibration.h"
#include "eval/text_source.h"
#include "evidence/ledger.h"
#include "kernels/matmul.h"
#include "lab/energy_run.h"
#include "lab/progress.h"
#include "measure/energy_source.h"
#include "model/model.h"
#include "quant/plan.h"
#include "tasks/items.h"
#include "tasks/task.h"

namespace crumb {

// Questions that every variant answers.
struct StudyTask {
  Task task;
  TaskItems items;
};

struct StudyOptions {
  std::string model_path;
  std::string output;               // folder; packed models go to output/models/VARIANT
  std::vector<std::string> widths;  // "8", "1.58"; empty: all that the method can make
  // Beside it each width is rounded to nearest. "best": the default method of each width.
  std::string method = "best";
  // The embedding at the width itself, for calibrated methods too (always for the others).
  bool embedding_at_width = false;
  std::vector<CalibrationText> calibration_texts;
  int64_t calibration_windows = 16;  // of at most 512 tokens
  // Measure although lines of `texts` are in the calibration windows, and mark the results.
  bool allow_overlap = false;
  std::vector<EvaluationText> texts;
  std::vector<StudyTask> tasks;  // those that do not fit the model are left out with a note
  std::string stsb_path;         // sentence pairs for encoders; empty: not there
  int64_t windows = 12;          // of each text; 0: all there are
  int repetitions = 5;           // of each speed
  bool speeds_again = false;     // measure speeds that the ledger has; the new rows supersede them
  int64_t prompt_tokens = 512;
  int64_t generated_tokens = 48;
  int64_t memory_context = 1024;  // tokens that the KV cache has room for
  ActivationType activations = ActivationType::kInt8;
  // Of each text: measured with every activation type, for the best variant of each width.
  int64_t activation_windows = 4;

  // Energy of each variant, where there is a counter: `energy.work_seconds` of work for each (0:
  // none), after `energy.idle_seconds` of doing nothing. Its clock and wait may be empty.
  EnergySearch energy_search;
  EnergyOptions energy;

  // Loads the model at a path in a process of its own, runs prompt_tokens and a few more, and gives
  // the most memory that process had resident. Empty: that figure is left out with a note.
  std::function<Result<int64_t>(const std::string& model_path)> probe_peak_bytes;
};

// The reference, or one way to quantize it.
struct Variant {
  std::string name;              // "reference", "int4+embed8"
  QuantizePlan plan;             // of the reference: empty
  std::string path;              // what Model::Load takes
  std::unique_ptr<Model> model;  // loaded after quantizing
  bool primary = false;          // by the method of the study, the embedding at 8 bits
  bool is_reference() const { return name == "reference"; }
};

struct StudyEstimate {
  double seconds = 0;
  int64_t disk_bytes = 0;
  int64_t windows = 0;              // in all texts
  int64_t calibration_windows = 0;  // 0: no variant is calibrated
  int variants = 0;                 // with the reference
};

// Whether a method of the study wants calibration text. Errors: a width or method that is not
// there.
Result<bool> StudyNeedsCalibration(const StudyOptions& options);

class Study {
 public:
  // Loads the reference and times a little of it, for the estimate.
  static Result<std::unique_ptr<Study>> Prepare(const StudyOptions& options, Ledger& ledger,
                                                ThreadPool& pool);
  ~Study();

  const StudyEstimate& estimate() const;
  const Model& reference() const;

  // Runs what is missing. Afterwards rows() holds this study's rows and nothing else of the ledger.
  Status Run(const ProgressFn& progress);
  Result<std::vector<Evidence>> rows() const;

  struct State;  // lab/study_state.h

 private:
  Study();
  std::unique_ptr<State> state_;
};

}  // namespace crumb

#endif  // CRUMB_LAB_STUDY_H_

#include "lab/study.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "codecs/codec.h"
#include "evidence/metrics.h"
#include "kernels/kernel_set.h"
#include "lab/load_to_run.h"
#include "lab/model_row.h"
#include "lab/study_state.h"

namespace crumb {
namespace {

Status CutTexts(Study::State& state) {
  WindowOptions window_options;
  window_options.max_windows = state.options.windows;
  window_options.context = std::min<int64_t>(512, state.reference().config().max_positions);
  for (const EvaluationText& text : state.options.texts) {
    WindowedText windowed;
    windowed.text = text;
    if (!state.reference().config().encoder) {
      Result<std::vector<std::vector<int32_t>>> windows =
          MakeWindows(state.reference().tokenizer(), text.content, window_options);
      if (!windows.ok()) return windows.status().WithContext(text.name);
      windowed.windows = std::move(windows).value();
    }
    state.estimate.windows += static_cast<int64_t>(windowed.windows.size());
    state.texts.push_back(std::move(windowed));
  }
  return OkStatus();
}

}  // namespace

Study::Study() : state_(std::make_unique<State>()) {}
Study::~Study() = default;

const StudyEstimate& Study::estimate() const { return state_->estimate; }
const Model& Study::reference() const { return state_->reference(); }

Result<std::unique_ptr<Study>> Study::Prepare(const StudyOptions& options, Ledger& ledger,
                                              ThreadPool& pool) {
  auto study = std::unique_ptr<Study>(new Study());
  State& state = *study->state_;
  state.options = options;
  state.ledger = &ledger;
  state.pool = &pool;
  state.cpu_model = DescribeMachine().cpu_model;
  state.model_name = BaseName(options.model_path);
  CRUMB_ASSIGN_OR_RETURN(state.model_sha256, Sha256OfPath(options.model_path));

  Variant reference;
  reference.name = "reference";
  reference.path = options.model_path;
  const double start = Now();
  CRUMB_ASSIGN_OR_RETURN(reference.model, LoadToRun(options.model_path));
  const double load_seconds = Now() - start;
  state.variants.push_back(std::move(reference));
  CRUMB_ASSIGN_OR_RETURN(std::vector<Variant> variants, VariantsFor(options));
  for (Variant& variant : variants) state.variants.push_back(std::move(variant));

  CRUMB_ASSIGN_OR_RETURN(state.energy, FindEnergySources(options.energy_search));
  CRUMB_RETURN_IF_ERROR(CutTexts(state));
  CRUMB_RETURN_IF_ERROR(CutCalibration(state));
  CRUMB_ASSIGN_OR_RETURN(state.timing, TryOut(state.reference(), options, pool));
  state.timing.load_seconds = load_seconds;
  EstimateCosts(state);
  return study;
}

Status Study::Run(const ProgressFn& progress) {
  State& state = *state_;
  const bool encoder = state.reference().config().encoder;
  WorkClock clock(progress);
  clock.Expect(state.estimate.seconds);
  CRUMB_RETURN_IF_ERROR(state.ledger->RecordInput("model", state.model_name, state.model_sha256));
  if (state.calibration.has_value()) {
    for (const CalibrationText& text : state.options.calibration_texts) {
      CRUMB_RETURN_IF_ERROR(state.ledger->RecordInput("text", text.name, text.sha256));
    }
  }
  CRUMB_RETURN_IF_ERROR(RunMachineStep(state, clock));
  CRUMB_RETURN_IF_ERROR(RunSizeStep(state, clock));
  CRUMB_RETURN_IF_ERROR(encoder ? RunEncoderStep(state, clock) : RunQualityStep(state, clock));
  CRUMB_RETURN_IF_ERROR(RunTasksStep(state, clock));
  CRUMB_RETURN_IF_ERROR(RunSpeedStep(state, clock));
  return RunEnergyStep(state, clock);
}

Result<std::vector<Evidence>> Study::rows() const {
  std::vector<int64_t> ids = state_->row_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::vector<Evidence> rows;
  for (const int64_t id : ids) {
    CRUMB_ASSIGN_OR_RETURN(Evidence row, state_->ledger->Get(id));
    rows.push_back(std::move(row));
  }
  return rows;
}

Evidence Study::State::Row(const Variant& variant, std::string_view metric_name,
                           std::string_view method, const Json& more_options) const {
  RowModel model = {variant.name, model_name, model_sha256, variant.plan.block.codec,
                    DumpJson(VariantOptions(*this, variant))};
  if (variant.is_reference()) model.codec = reference().matrices().back().matrix.codec->name();
  return MakeRow(model, metric_name, method, more_options, cpu_model, pool->size());
}

Result<std::optional<Evidence>> Study::State::Known(const Evidence& row) {
  CRUMB_ASSIGN_OR_RETURN(std::optional<Evidence> known, ledger->FindByKey(EvidenceKey(row)));
  if (known.has_value()) row_ids.push_back(known->id);
  return known;
}

Status Study::State::Add(Evidence row) {
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, Known(row));
  if (known.has_value()) return OkStatus();
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, ledger->Append(std::move(row)));
  row_ids.push_back(id);
  return OkStatus();
}

Status Study::State::Replace(Evidence row) {
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, ledger->FindByKey(EvidenceKey(row)));
  if (known.has_value()) row.supersedes = std::to_string(known->id);
  CRUMB_ASSIGN_OR_RETURN(const int64_t id, ledger->Append(std::move(row)));
  row_ids.push_back(id);
  return OkStatus();
}

Evidence Study::State::Note(std::string_view topic, const std::string& english,
                            const std::string& chinese) const {
  Json options_json = Json::object();
  options_json["topic"] = topic;
  Evidence row = Row(variants.front(), metric::kStudyNote, "note", options_json);
  row.kind = "computed";
  Json note = Json::object();
  note["topic"] = topic;
  note["note"] = english;
  note["note_zh"] = chinese;
  row.detail = DumpJson(note);
  return row;
}

Result<bool> Study::State::HasNote(std::string_view topic) {
  CRUMB_ASSIGN_OR_RETURN(const std::optional<Evidence> known, Known(Note(topic, "", "")));
  return known.has_value();
}

Status Study::State::AddNote(std::string_view topic, const std::string& english,
                             const std::string& chinese) {
  return Add(Note(topic, english, chinese));
}

Status Study::State::ReplaceNote(std::string_view topic, const std::string& english,
                                 const std::string& chinese) {
  return Replace(Note(topic, english, chinese));
}

}  // namespace crumb

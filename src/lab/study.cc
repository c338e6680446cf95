#include "lab/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/version.h"
#include "codecs/codec.h"
#include "evidence/metrics.h"
#include "kernels/kernel_set.h"
#include "lab/bench.h"
#include "lab/load_to_run.h"
#include "lab/study_state.h"
#include "model/session.h"
#include "quant/quantize_model.h"

namespace crumb {
namespace {

// Times one window of the reference and a few generated tokens.
Result<Timing> TryOut(const Model& model, const StudyOptions& options, ThreadPool& pool) {
  SessionOptions session_options;
  session_options.activations = options.activations;
  const int64_t context = std::min<int64_t>(512, model.config().max_positions);
  session_options.max_tokens = context;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(model, pool, session_options));
  const std::vector<int32_t> tokens = SpreadTokens(context, model.config().vocabulary_size);
  Timing timing;
  if (model.config().encoder) {
    const auto sentence =
        std::span<const int32_t>(tokens).first(std::min<size_t>(32, tokens.size()));
    CRUMB_RETURN_IF_ERROR(session->Embed(sentence).status());
    const double start = Now();
    CRUMB_RETURN_IF_ERROR(session->Embed(sentence).status());
    timing.window_seconds = Now() - start;
    return timing;
  }
  std::vector<float> logits;
  // The first run pays for fresh memory and a cold clock; the second is like all that follow.
  CRUMB_RETURN_IF_ERROR(session->Forward(tokens, context / 2, &logits));
  session->Reset();
  const double window_start = Now();
  CRUMB_RETURN_IF_ERROR(session->Forward(tokens, context / 2, &logits));
  // Scoring a window (softmax, KL) takes about as long again as a third of running it.
  timing.window_seconds = 1.4 * (Now() - window_start);
  session->Reset();
  const double token_start = Now();
  constexpr int kTokens = 4;
  for (int i = 0; i < kTokens; ++i) {
    CRUMB_RETURN_IF_ERROR(session->Forward(std::span(tokens).subspan(0, 1), 1, &logits));
  }
  timing.token_seconds = (Now() - token_start) / kTokens;
  return timing;
}

// Bytes of a packed model before it exists: the codec's bits over the reference's shapes.
int64_t PredictBytes(const Model& model, const QuantizePlan& plan) {
  int64_t bytes = 0;
  for (const NamedMatrix& named : model.matrices()) {
    const Codec* codec = FindCodec(plan.ChoiceFor(named).codec);
    if (codec != nullptr) bytes += codec->SizeOf(named.matrix.rows, named.matrix.cols).total();
  }
  for (const NamedTensor& tensor : model.tensors()) {
    bytes += static_cast<int64_t>(tensor.values.size() * sizeof(float));
  }
  return bytes;
}

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

void EstimateCosts(Study::State& state) {
  const auto variants = static_cast<double>(state.variants.size());
  // Of an encoder the pieces are sentences: of the texts, and of STS-B's 1379 pairs.
  const bool encoder = state.reference().config().encoder;
  const auto text_sentences =
      static_cast<int64_t>(state.texts.size()) * state.options.windows * kSentencesPerWindow;
  const int64_t stsb_sentences = state.options.stsb_path.empty() ? 0 : 2 * 1379;
  const auto windows =
      static_cast<double>(encoder ? text_sentences + stsb_sentences : state.estimate.windows);
  state.estimate.variants = static_cast<int>(state.variants.size());
  state.estimate.seconds =
      variants * (kExpectedProbeSeconds + windows * state.timing.window_seconds +
                  ExpectedTasksSeconds(state) +
                  (state.options.repetitions + 1) * ExpectedSpeedSeconds(state)) +
      static_cast<double>(encoder ? ExtraActivationSentences(state)
                                  : ExtraActivationWindows(state)) *
          state.timing.window_seconds;
  for (const Variant& variant : state.variants) {
    if (variant.is_reference()) continue;
    state.estimate.seconds += ExpectedQuantizeSeconds(state, variant);
    state.estimate.disk_bytes += PredictBytes(state.reference(), variant.plan);
  }
}

}  // namespace

double ExpectedQuantizeSeconds(const Study::State& state, const Variant& variant) {
  const auto parameters = static_cast<double>(state.reference().parameters());
  // About 100 million weights a second and core, and as much again for writing.
  const double rounding = 0.05 + 2e-8 * parameters;
  if (!NeedsCalibration(variant.plan)) return rounding;
  // In units of a scored window, by the multiplications of each: a window through the quantized
  // model and into moments; through the float model, and for gradients. The last two are done once
  // for all.
  constexpr double kOwnWindow = 1.6;
  constexpr double kSharedWindow = 0.8;
  constexpr double kGradientWindow = 3;
  const double windows = static_cast<double>(state.calibration->windows.size());
  const double gradients = static_cast<double>(
      state.reference().config().encoder ? 0 : BlockQuantizerOptions().importance_windows);
  const auto sharing = std::ranges::count_if(state.variants, [](const Variant& v) {
    return !v.is_reference() && NeedsCalibration(v.plan);
  });
  const double shared = (kSharedWindow * windows + kGradientWindow * gradients) /
                        static_cast<double>(std::max<int64_t>(sharing, 1));
  const double search = 7e-7 * parameters / state.pool->size();
  return rounding + (kOwnWindow * windows + shared) * state.timing.window_seconds + search;
}

double ExpectedSpeedSeconds(const Study::State& state) {
  return state.timing.window_seconds +
         static_cast<double>(state.options.generated_tokens) * state.timing.token_seconds;
}

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
  CRUMB_ASSIGN_OR_RETURN(reference.model, LoadToRun(options.model_path));
  state.variants.push_back(std::move(reference));
  CRUMB_ASSIGN_OR_RETURN(std::vector<Variant> variants, VariantsFor(options));
  for (Variant& variant : variants) state.variants.push_back(std::move(variant));

  CRUMB_RETURN_IF_ERROR(CutTexts(state));
  CRUMB_RETURN_IF_ERROR(CutCalibration(state));
  CRUMB_ASSIGN_OR_RETURN(state.timing, TryOut(state.reference(), options, pool));
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
  return RunSpeedStep(state, clock);
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
  Evidence row;
  row.metric = metric_name;
  row.subject = variant.name;
  if (const MetricInfo* info = FindMetric(metric_name); info != nullptr) row.unit = info->unit;
  row.method = method;
  row.model = model_name;
  row.model_sha256 = model_sha256;
  row.codec = variant.is_reference()
                  ? std::string(reference().matrices().back().matrix.codec->name())
                  : variant.plan.block.codec;
  Json all = VariantOptions(*this, variant);
  for (const auto& [key, value] : more_options.items()) all[key] = value;
  row.options = DumpJson(all);
  row.commit = CrumbCommit();
  row.cpu_model = cpu_model;
  row.kernel_set = ActiveKernelSet();
  row.threads = pool->size();
  return row;
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

Status Study::State::AddNote(std::string_view topic, const std::string& english,
                             const std::string& chinese) {
  Json options_json = Json::object();
  options_json["topic"] = topic;
  Evidence row = Row(variants.front(), metric::kStudyNote, "note", options_json);
  row.kind = "computed";
  Json note = Json::object();
  note["topic"] = topic;
  note["note"] = english;
  note["note_zh"] = chinese;
  row.detail = DumpJson(note);
  return Add(std::move(row));
}

}  // namespace crumb

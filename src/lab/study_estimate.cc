// How long a study will take: from a little of the reference's own work, and from what products
// with few bits save of it.
#include <algorithm>
#include <span>
#include <vector>

#include "codecs/codec.h"
#include "eval/perplexity.h"
#include "kernels/matmul.h"
#include "lab/bench.h"
#include "lab/study_state.h"
#include "measure/machine.h"
#include "model/session.h"
#include "quant/block_quantizer.h"
#include "quant/quantize_model.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

// Seconds of all products of `matrices` with `rows` rows: the second run, after one that warms up.
double ProductSeconds(const std::vector<const PackedMatrix*>& matrices, int64_t rows,
                      ActivationType activations, ThreadPool& pool) {
  double seconds = 0;
  std::vector<float> x;
  std::vector<float> y;
  for (const PackedMatrix* matrix : matrices) {
    x.resize(static_cast<size_t>(rows * matrix->cols));
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 17) - 8;
    y.resize(static_cast<size_t>(rows * matrix->rows));
    for (const bool counts : {false, true}) {
      const double start = Now();
      Activations prepared;
      prepared.Set(x.data(), rows, matrix->cols, matrix->cols, activations, pool);
      MatMul(*matrix, prepared, y.data(), matrix->rows, pool);
      if (counts) seconds += Now() - start;
    }
  }
  return seconds;
}

// What a variant of 4 bits saves of the reference's products. The first block is timed and stands
// for all.
class Savings {
 public:
  static Result<Savings> Of(const Model& model, ActivationType activations, ThreadPool& pool) {
    Savings savings(model, activations, pool);
    for (const NamedMatrix& named : model.matrices()) {
      if (named.layer != 0) continue;
      CRUMB_ASSIGN_OR_RETURN(
          PackedMatrix rounded,
          FindQuantizer("rtn")->Quantize({.weights = &named.matrix}, *FindCodec("int4-g64"), pool));
      savings.own_.push_back(&named.matrix);
      savings.rounded_.push_back(std::move(rounded));
      savings.weights_ += static_cast<double>(named.matrix.rows * named.matrix.cols);
    }
    return savings;
  }

  // Of `rows` rows through the blocks, and a share of them through the head.
  double Seconds(int64_t rows, double through_head) const {
    std::vector<const PackedMatrix*> rounded;
    for (const PackedMatrix& matrix : rounded_) rounded.push_back(&matrix);
    const double saved = ProductSeconds(own_, rows, activations_, *pool_) -
                         ProductSeconds(rounded, rows, activations_, *pool_);
    const ModelConfig& config = model_->config();
    const auto blocks = static_cast<double>(model_->block_parameters());
    const double head =
        config.encoder ? 0 : static_cast<double>(config.vocabulary_size * config.hidden_size);
    return weights_ > 0 ? saved * (blocks + through_head * head) / weights_ : 0;
  }

 private:
  Savings(const Model& model, ActivationType activations, ThreadPool& pool)
      : model_(&model), activations_(activations), pool_(&pool) {}
  const Model* model_;
  ActivationType activations_;
  ThreadPool* pool_;
  std::vector<const PackedMatrix*> own_;
  std::vector<PackedMatrix> rounded_;
  double weights_ = 0;
};

// Products are not all of a run: attention, norms and the scores stay.
double Less(double seconds, double saved) {
  constexpr double kLeast = 0.15;
  return std::max(seconds - saved, kLeast * seconds);
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

}  // namespace

Result<Timing> TryOut(const Model& model, const StudyOptions& options, ThreadPool& pool) {
  SessionOptions session_options;
  session_options.activations = options.activations;
  const int64_t context = std::min<int64_t>(512, model.config().max_positions);
  session_options.max_tokens = context;
  CRUMB_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         Session::Create(model, pool, session_options));
  CRUMB_ASSIGN_OR_RETURN(const Savings savings, Savings::Of(model, options.activations, pool));
  const std::vector<int32_t> tokens = SpreadTokens(context, model.config().vocabulary_size);
  Timing timing;
  // The first run of each pays for fresh memory and a cold clock; the second is like all that
  // follow.
  if (model.config().encoder) {
    const auto sentence =
        std::span<const int32_t>(tokens).first(std::min<size_t>(32, tokens.size()));
    for (int i = 0; i < 2; ++i) {
      const double start = Now();
      CRUMB_RETURN_IF_ERROR(session->Embed(sentence).status());
      timing.window_seconds = Now() - start;
    }
    timing.variant_window_seconds =
        Less(timing.window_seconds, savings.Seconds(std::ssize(sentence), 0));
    return timing;
  }
  ReferenceWindow kept;
  CRUMB_RETURN_IF_ERROR(ScoreWindow(*session, tokens, nullptr, &kept).status());
  const double window_start = Now();
  CRUMB_RETURN_IF_ERROR(ScoreWindow(*session, tokens, &kept, nullptr).status());
  timing.window_seconds = Now() - window_start;
  timing.variant_window_seconds = Less(timing.window_seconds, savings.Seconds(context - 1, 0.5));
  session->Reset();
  std::vector<float> logits;
  constexpr int kTokens = 5;  // the first one warms up
  double token_start = 0;
  for (int i = 0; i < kTokens; ++i) {
    if (i == 1) token_start = Now();
    CRUMB_RETURN_IF_ERROR(session->Forward(std::span(tokens).subspan(0, 1), 1, &logits));
  }
  timing.token_seconds = (Now() - token_start) / (kTokens - 1);
  timing.variant_token_seconds = Less(timing.token_seconds, savings.Seconds(1, 1));
  return timing;
}

void EstimateCosts(Study::State& state) {
  // Of an encoder the pieces are sentences: of the texts, and of STS-B's 1379 pairs.
  const bool encoder = state.reference().config().encoder;
  const auto text_sentences =
      static_cast<int64_t>(state.texts.size()) * state.options.windows * kSentencesPerWindow;
  const int64_t stsb_sentences = state.options.stsb_path.empty() ? 0 : 2 * 1379;
  const auto windows =
      static_cast<double>(encoder ? text_sentences + stsb_sentences : state.estimate.windows);
  state.estimate.variants = static_cast<int>(state.variants.size());
  const double rounds = state.options.repetitions + 1;
  double seconds = ExpectedEnergySeconds(state);
  for (const Variant& variant : state.variants) {
    seconds += ExpectedProbeSeconds(state) + ExpectedTasksSeconds(state, variant) +
               windows * ExpectedWindowSeconds(state, variant, state.options.activations) +
               rounds * ExpectedSpeedSeconds(state, variant);
    if (variant.is_reference()) continue;
    seconds += ExpectedQuantizeSeconds(state, variant);
    state.estimate.disk_bytes += PredictBytes(state.reference(), variant.plan);
  }
  // As many windows with each type of activations, but for the one that is measured anyway.
  double of_types = 0;
  double types = 0;
  for (const ActivationType type : kActivationTypes) {
    if (!encoder && type == state.options.activations) continue;
    of_types += ExpectedWindowSeconds(state, state.variants.back(), type);
    ++types;
  }
  seconds += static_cast<double>(encoder ? ExtraActivationSentences(state)
                                         : ExtraActivationWindows(state)) *
             of_types / types;
  if (!encoder) {
    // The read bandwidth takes its turn: a buffer is made, written, and read three times.
    constexpr double kSecondsPerByte = 6e-10;
    const auto cache = static_cast<double>(DescribeMachine().last_level_cache_bytes);
    seconds += rounds * kSecondsPerByte * std::max(256.0 * 0x1p20, 4 * cache);
  }
  state.estimate.seconds = seconds;
}

double ExpectedQuantizeSeconds(const Study::State& state, const Variant& variant) {
  const auto parameters = static_cast<double>(state.reference().parameters());
  // About 125 million weights a second and core, written too.
  const double rounding = 0.01 + 8e-9 * parameters / state.pool->size();
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

double ExpectedWindowSeconds(const Study::State& state, const Variant& variant,
                             ActivationType activations) {
  const bool like_reference = variant.is_reference() || activations == ActivationType::kFloat32;
  return like_reference ? state.timing.window_seconds : state.timing.variant_window_seconds;
}

double ExpectedSpeedSeconds(const Study::State& state, const Variant& variant) {
  const double token =
      variant.is_reference() ? state.timing.token_seconds : state.timing.variant_token_seconds;
  return static_cast<double>(state.options.prompt_tokens) / 512 *
             ExpectedWindowSeconds(state, variant, state.options.activations) +
         static_cast<double>(state.options.generated_tokens) * token;
}

double ExpectedProbeSeconds(const Study::State& state) {
  // Loaded seven times, once in a process of its own, in half the time of a reference that has to
  // be decoded; a prompt runs here and there.
  constexpr double kProcessSeconds = 0.1;
  return kProcessSeconds + 3.5 * state.timing.load_seconds +
         2 * state.timing.variant_window_seconds;
}

}  // namespace crumb

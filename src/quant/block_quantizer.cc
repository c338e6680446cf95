#include "quant/block_quantizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "calibration/block_stages.h"
#include "codecs/codec.h"
#include "quant/correction.h"
#include "quant/quantizer.h"
#include "quant/window_stream.h"

namespace crumb {
namespace {

double Now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

// Equal for the matrices that share an input, so that they share its transform.
uint64_t SeedOf(uint64_t seed, int layer, InputSlot slot) {
  return seed * 1'000'003 + static_cast<uint64_t>(layer + 1) * 16 + static_cast<uint64_t>(slot);
}

// The matrices that read one slot of a layer.
std::vector<const NamedMatrix*> ReadersOf(const Model& model, int layer, InputSlot slot) {
  std::vector<const NamedMatrix*> readers;
  for (const NamedMatrix& named : model.matrices()) {
    if (named.role == MatrixRole::kEmbedding || named.layer != layer) continue;
    if (SlotOf(named.role) == slot) readers.push_back(&named);
  }
  return readers;
}

// "model.layers.0.mlp.up_proj.bias", whether the model has it or not.
std::string BiasNameOf(const NamedMatrix& named) {
  constexpr std::string_view kWeight = "weight";
  CRUMB_CHECK(named.name.ends_with(kWeight));
  return named.name.substr(0, named.name.size() - kWeight.size()) + "bias";
}

Linear& LinearOf(LayerWeights& w, MatrixRole role) {
  switch (role) {
    case MatrixRole::kQuery:
      return w.q;
    case MatrixRole::kKey:
      return w.k;
    case MatrixRole::kValue:
      return w.v;
    case MatrixRole::kOutput:
      return w.o;
    case MatrixRole::kGate:
      return w.gate;
    case MatrixRole::kUp:
      return w.up;
    default:
      CRUMB_CHECK(role == MatrixRole::kDown);
      return w.down;
  }
}

// Divides each row of `values` (rows x width) as an RMS norm would that of `by` (rows x by_width).
void DivideRowsBySize(const float* by, int64_t rows, int64_t by_width, float epsilon, int64_t width,
                      float* values, ThreadPool& pool) {
  pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const std::span row(by + r * by_width, static_cast<size_t>(by_width));
      double squares = 0;
      for (const float value : row) squares += static_cast<double>(value) * value;
      const double size = std::sqrt(squares / static_cast<double>(by_width) + epsilon);
      const auto factor = static_cast<float>(1 / size);
      for (int64_t c = 0; c < width; ++c) values[r * width + c] *= factor;
    }
  });
}

}  // namespace

struct BlockQuantizer::State {
  State(const Model& m, const QuantizePlan& p, const CalibrationTokens& t,
        const BlockQuantizerOptions& o, FloatStream& float_stream, ThreadPool& threads)
      : model(m), plan(p), tokens(t), options(o), exact(float_stream), pool(threads) {}

  // What the calibration says of one input. Where the output goes through a norm all rows are
  // divided by the size of the float model's output first, and there is no s.
  struct InputStatistics {
    SecondMoments moments;
    // Of quant/correction.h; one of them, or none when nothing is to be corrected.
    std::vector<float> input_error;  // D; where what the readers make is not added to the stream
    std::vector<float> target;       // T; where it is, and there is one reader
    std::vector<float> mean_error;   // mean of x - x'; empty: as input_error
    std::vector<float> mean_target;  // mean of W x + s - s'; empty: as target
  };

  Result<InputStatistics> Gather(int layer, InputSlot slot);
  Result<QuantizedBlock> QuantizeSlot(int layer, InputSlot slot, const std::function<bool()>& done);
  // The factors that the norm got; empty: none.
  Result<std::vector<float>> TuneNorm(int layer, InputSlot slot,
                                      std::span<const NormReader> readers,
                                      const SecondMoments& moments, QuantizedBlock& block);
  void TuneBiases(std::span<const NamedMatrix* const> matrices, const InputStatistics& statistics,
                  std::span<const float> norm_factors, QuantizedBlock& block);
  Result<PackedMatrix> QuantizeMatrix(const NamedMatrix& named, const PackedMatrix& weights,
                                      const SecondMoments* moments, InputSlot slot,
                                      QuantizedBlock& block);
  Result<QuantizedBlock> QuantizeTable();
  void Install(int layer, const QuantizedBlock& block);
  std::vector<float> ChangeOf(const NamedMatrix& named, const InputStatistics& statistics);

  int64_t rows(size_t window) const { return std::ssize(tokens.windows[window]); }

  const Model& model;
  const QuantizePlan& plan;
  const CalibrationTokens& tokens;
  const BlockQuantizerOptions& options;
  FloatStream& exact;
  ThreadPool& pool;
  std::unique_ptr<WindowStream> packed;
  QuantizedBlock table;    // embedding and head, for as long as the streams
  QuantizedBlock current;  // keeps what the packed stream's weights point to
};

Result<BlockQuantizer::State::InputStatistics> BlockQuantizer::State::Gather(int layer,
                                                                             InputSlot slot) {
  const ModelConfig& c = model.config();
  const int64_t width = InputWidth(c, slot);
  const bool adds_to_stream = AddsToStream(slot);
  const bool through_norm = GoesThroughNorm(c, slot);
  MomentsAccumulator moments(width);
  const int64_t error_width = adds_to_stream ? c.hidden_size : width;
  CrossMoments errors(options.correct_inputs ? error_width : 0, width);
  std::vector<float> error, weighted;
  for (size_t i = 0; i < tokens.windows.size(); ++i) {
    const auto window = static_cast<int64_t>(i);
    const int64_t n = rows(i);
    const float* in = packed->Input(layer, slot, window, n);
    const float* wanted = options.correct_inputs ? exact.At(slot, window) : nullptr;
    // An error counts by what the norm makes of it.
    const bool by_size = wanted != nullptr && through_norm;
    if (by_size) {
      weighted.assign(in, in + n * width);
      DivideRowsBySize(wanted, n, error_width, c.norm_eps, width, weighted.data(), pool);
      in = weighted.data();
    }
    moments.Add(in, n, width, pool);
    if (!options.correct_inputs) continue;
    // What of `wanted` is there without the matrix; null: nothing.
    const float* there = in;
    if (adds_to_stream) there = through_norm ? nullptr : packed->Residual(window);
    error.resize(static_cast<size_t>(n * error_width));
    pool.ParallelFor(n, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t k = begin * error_width; k < end * error_width; ++k) {
        error[static_cast<size_t>(k)] = wanted[k] - (there == nullptr ? 0.0f : there[k]);
      }
    });
    if (by_size) {
      DivideRowsBySize(wanted, n, error_width, c.norm_eps, error_width, error.data(), pool);
    }
    errors.Add(error.data(), in, n, pool);
  }
  InputStatistics statistics;
  CRUMB_ASSIGN_OR_RETURN(statistics.moments, moments.Finish());
  if (options.correct_inputs) {
    (adds_to_stream ? statistics.target : statistics.input_error) = errors.Mean();
    (adds_to_stream ? statistics.mean_target : statistics.mean_error) = errors.MeanOfA();
  }
  return statistics;
}

// W D + S of quant/correction.h.
std::vector<float> BlockQuantizer::State::ChangeOf(const NamedMatrix& named,
                                                   const InputStatistics& statistics) {
  return statistics.target.empty()
             ? ChangeForInputs(named.matrix, statistics.input_error, pool)
             : ChangeForTarget(named.matrix, statistics.moments, statistics.target, pool);
}

Result<PackedMatrix> BlockQuantizer::State::QuantizeMatrix(const NamedMatrix& named,
                                                           const PackedMatrix& weights,
                                                           const SecondMoments* moments,
                                                           InputSlot slot, QuantizedBlock& block) {
  const double start = Now();
  const MatrixChoice& choice = plan.ChoiceFor(named);
  const Quantizer* method = FindQuantizer(choice.method);
  const Codec* codec = FindCodec(choice.codec);
  CRUMB_CHECK(method != nullptr && codec != nullptr);
  QuantizeInput input;
  input.weights = &weights;
  input.moments = moments;
  input.seed = SeedOf(options.seed, named.layer, slot);
  const auto importance = options.row_importance.find(named.name);
  if (importance != options.row_importance.end()) input.row_importance = importance->second;
  Result<PackedMatrix> packed_matrix = method->Quantize(input, *codec, pool);
  if (!packed_matrix.ok()) {
    return packed_matrix.status().WithContext(fmt::format("{}: {}", model.path(), named.name));
  }
  MatrixReport report = {named.name, choice, 0, 0};
  if (moments != nullptr) {
    report.relative_loss =
        MeasureOutputLoss(weights, *packed_matrix, *moments, input.row_importance, pool).relative();
  }
  report.seconds = Now() - start;
  block.reports.push_back(std::move(report));
  block.matrices[named.name] = *packed_matrix;
  return packed_matrix;
}

Result<QuantizedBlock> BlockQuantizer::State::QuantizeSlot(int layer, InputSlot slot,
                                                           const std::function<bool()>& done) {
  const std::vector<const NamedMatrix*> matrices =
      ReadersOf(model, slot == InputSlot::kHead ? -1 : layer, slot);
  CRUMB_ASSIGN_OR_RETURN(const InputStatistics statistics, Gather(layer, slot));
  QuantizedBlock block;
  std::vector<PackedMatrix> targets;
  targets.reserve(matrices.size());
  std::vector<NormReader> readers;
  for (const NamedMatrix* named : matrices) {
    targets.push_back(named->matrix);
    if (options.correct_inputs) {
      CRUMB_ASSIGN_OR_RETURN(targets.back(), CorrectedWeights(named->matrix, statistics.moments,
                                                              ChangeOf(*named, statistics),
                                                              options.correction_damping, pool));
    }
    CRUMB_RETURN_IF_ERROR(
        QuantizeMatrix(*named, targets.back(), &statistics.moments, slot, block).status());
    readers.push_back({&targets.back(), &block.matrices[named->name], {}});
    const auto importance = options.row_importance.find(named->name);
    if (importance != options.row_importance.end())
      readers.back().row_importance = importance->second;
    if (done && !done()) return Interrupted(fmt::format("stopped in block {}", layer));
  }
  std::vector<float> factors;
  if (options.tune_norms) {
    CRUMB_ASSIGN_OR_RETURN(factors, TuneNorm(layer, slot, readers, statistics.moments, block));
  }
  // Where rows are weighed their means are not those that a bias adds to.
  if (options.tune_biases && !GoesThroughNorm(model.config(), slot)) {
    TuneBiases(matrices, statistics, factors, block);
  }
  return block;
}

Result<std::vector<float>> BlockQuantizer::State::TuneNorm(int layer, InputSlot slot,
                                                           std::span<const NormReader> readers,
                                                           const SecondMoments& moments,
                                                           QuantizedBlock& block) {
  // After the sum (BERT) a norm feeds the stream too, and may not be changed for its readers alone.
  if (!model.config().norm_before) return std::vector<float>();
  if (slot != InputSlot::kAttention && slot != InputSlot::kMlp) return std::vector<float>();
  CRUMB_ASSIGN_OR_RETURN(std::vector<float> factors,
                         NormFactors(readers, moments, options.norm_damping, pool));
  const std::string stem =
      fmt::format("model.layers.{}.{}.", layer,
                  slot == InputSlot::kAttention ? "input_layernorm" : "post_attention_layernorm");
  for (const char* suffix : {"weight", "bias"}) {
    const float* values = model.FindTensor(stem + suffix);
    if (values == nullptr) continue;
    std::vector<float>& tuned = block.tensors[stem + suffix];
    tuned.assign(values, values + factors.size());
    for (size_t i = 0; i < factors.size(); ++i) tuned[i] *= factors[i];
  }
  return factors;
}

void BlockQuantizer::State::TuneBiases(std::span<const NamedMatrix* const> matrices,
                                       const InputStatistics& statistics,
                                       std::span<const float> norm_factors, QuantizedBlock& block) {
  std::vector<float> packed_mean = statistics.moments.mean;
  std::vector<float> mean = packed_mean;
  for (size_t i = 0; i < statistics.mean_error.size(); ++i) mean[i] += statistics.mean_error[i];
  for (size_t i = 0; i < norm_factors.size(); ++i) packed_mean[i] *= norm_factors[i];
  for (const NamedMatrix* named : matrices) {
    const std::string name = BiasNameOf(*named);
    const float* bias = model.FindTensor(name);
    if (bias == nullptr) continue;
    BiasReader reader;
    reader.packed = &block.matrices[named->name];
    reader.bias = std::span(bias, static_cast<size_t>(named->matrix.rows));
    reader.packed_mean = packed_mean;
    const std::vector<float> output = statistics.mean_target.empty()
                                          ? MeanOutput(named->matrix, mean, pool)
                                          : statistics.mean_target;
    reader.target_mean = output;
    block.tensors[name] = TunedBias(reader, pool);
  }
}

// Makes the packed stream run with the matrices and tensors of `block`, which it then owns.
void BlockQuantizer::State::Install(int layer, const QuantizedBlock& block) {
  for (const auto& [name, matrix] : block.matrices) current.matrices[name] = matrix;
  for (const auto& [name, values] : block.tensors) current.tensors[name] = values;
  LayerWeights& w = packed->weights().layers[static_cast<size_t>(layer)];
  for (const NamedMatrix& named : model.matrices()) {
    const auto found = current.matrices.find(named.name);
    if (named.layer == layer && found != current.matrices.end()) {
      LinearOf(w, named.role).weights = &found->second;
    }
    const auto bias = current.tensors.find(BiasNameOf(named));
    if (named.layer == layer && bias != current.tensors.end()) {
      LinearOf(w, named.role).bias = bias->second.data();
    }
  }
  const std::string stem = fmt::format("model.layers.{}.", layer);
  const auto replace = [&](const std::string& norm, NormWeights& weights) {
    const auto weight = current.tensors.find(stem + norm + ".weight");
    if (weight != current.tensors.end()) weights.weight = weight->second.data();
    const auto bias = current.tensors.find(stem + norm + ".bias");
    if (bias != current.tensors.end()) weights.bias = bias->second.data();
  };
  replace("input_layernorm", w.attention_norm);
  replace("post_attention_layernorm", w.mlp_norm);
}

// The embedding table: as the head, where it is one.
Result<QuantizedBlock> BlockQuantizer::State::QuantizeTable() {
  const NamedMatrix* embedding = nullptr;
  for (const NamedMatrix& named : model.matrices()) {
    if (named.role == MatrixRole::kEmbedding) embedding = &named;
  }
  CRUMB_CHECK(embedding != nullptr);
  // Moments cost a run of the float model: only where the method makes something of them.
  const bool is_head = model.config().tied_head && !model.config().encoder;
  const SecondMoments* moments = nullptr;
  if (is_head && FindQuantizer(plan.embedding.method)->uses_moments()) {
    CRUMB_ASSIGN_OR_RETURN(moments, exact.HeadMoments());
  }
  QuantizedBlock block;
  CRUMB_RETURN_IF_ERROR(
      QuantizeMatrix(*embedding, embedding->matrix, moments, InputSlot::kHead, block).status());
  return block;
}

BlockQuantizer::BlockQuantizer() = default;
BlockQuantizer::~BlockQuantizer() = default;

Result<std::unique_ptr<BlockQuantizer>> BlockQuantizer::Create(
    const Model& model, const QuantizePlan& plan, const CalibrationTokens& tokens,
    const BlockQuantizerOptions& options, FloatStream& exact, const std::string& folder,
    ThreadPool& pool) {
  CRUMB_CHECK(!tokens.windows.empty());
  std::unique_ptr<BlockQuantizer> quantizer(new BlockQuantizer());
  quantizer->state_ = std::make_unique<State>(model, plan, tokens, options, exact, pool);
  CRUMB_ASSIGN_OR_RETURN(
      quantizer->state_->packed,
      WindowStream::Create(model, tokens, WindowStream::Order::kStages, folder, pool));
  return quantizer;
}

Result<QuantizedBlock> BlockQuantizer::Quantize(int layer, const std::function<bool()>& done) {
  State& state = *state_;
  if (layer < 0) {
    CRUMB_ASSIGN_OR_RETURN(QuantizedBlock block, state.QuantizeTable());
    CRUMB_RETURN_IF_ERROR(Replay(layer, block));
    if (done && !done()) return Interrupted("stopped after the embedding");
    return block;
  }
  if (state.options.correct_inputs) state.exact.GoTo(layer);
  if (layer == state.model.config().layers) {
    return state.QuantizeSlot(layer, InputSlot::kHead, done);
  }
  for (const InputSlot slot : kBlockSlots) {
    CRUMB_ASSIGN_OR_RETURN(QuantizedBlock part, state.QuantizeSlot(layer, slot, done));
    state.Install(layer, part);
    for (size_t i = 0; i < state.tokens.windows.size(); ++i) {
      state.packed->Finish(layer, slot, static_cast<int64_t>(i), state.rows(i));
    }
    std::move(part.reports.begin(), part.reports.end(), std::back_inserter(state.current.reports));
  }
  return std::exchange(state.current, {});
}

double BlockQuantizer::HeadError() {
  State& state = *state_;
  const ModelConfig& c = state.model.config();
  const int layer = static_cast<int>(c.layers);
  state.exact.GoTo(layer);
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < state.tokens.windows.size(); ++i) {
    const auto window = static_cast<int64_t>(i);
    const int64_t rows = state.rows(i);
    const float* exact = state.exact.At(InputSlot::kHead, window);
    const float* packed = state.packed->Input(layer, InputSlot::kHead, window, rows);
    for (int64_t k = 0; k < rows * c.hidden_size; ++k) {
      const double difference = static_cast<double>(exact[k]) - packed[k];
      error += difference * difference;
      size += static_cast<double>(exact[k]) * exact[k];
    }
  }
  return size > 0 ? error / size : 0;
}

Status BlockQuantizer::Replay(int layer, const QuantizedBlock& block) {
  State& state = *state_;
  if (layer < 0) {
    state.table = block;
    for (const NamedMatrix& named : state.model.matrices()) {
      if (named.role != MatrixRole::kEmbedding) continue;
      const auto found = state.table.matrices.find(named.name);
      if (found != state.table.matrices.end()) state.packed->weights().embedding = &found->second;
    }
    state.packed->Embed(state.tokens);
    return OkStatus();
  }
  if (layer == state.model.config().layers) return OkStatus();
  state.Install(layer, block);
  for (size_t i = 0; i < state.tokens.windows.size(); ++i) {
    for (const InputSlot slot : kBlockSlots) {
      state.packed->Input(layer, slot, static_cast<int64_t>(i), state.rows(i));
      state.packed->Finish(layer, slot, static_cast<int64_t>(i), state.rows(i));
    }
  }
  state.current = {};
  return OkStatus();
}

}  // namespace crumb

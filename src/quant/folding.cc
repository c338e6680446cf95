#include "quant/folding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/float16.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "quant/rotated.h"

namespace crumb {
namespace {

std::string LayerName(int layer, std::string_view stem) {
  return fmt::format("model.layers.{}.{}", layer, stem);
}

std::vector<std::string_view> StemsOf(const ModelConfig& config, InputSlot slot) {
  switch (slot) {
    case InputSlot::kAttention:
      return {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    case InputSlot::kOutput:
      return {"self_attn.o_proj"};
    case InputSlot::kMlp:
      if (config.mlp == MlpKind::kGated) return {"mlp.gate_proj", "mlp.up_proj"};
      return {"mlp.up_proj"};
    case InputSlot::kDown:
      return {"mlp.down_proj"};
    case InputSlot::kHead:
      break;
  }
  CRUMB_CHECK(false);
  return {};
}

// Each query head reads the values of its own key-value head.
std::vector<float> OfEveryHead(const ModelConfig& config, std::span<const float> s) {
  std::vector<float> all;
  const int64_t sharing = config.heads / config.kv_heads;
  for (int64_t h = 0; h < config.heads; ++h) {
    const auto head = s.subspan(static_cast<size_t>(h / sharing * config.head_dim),
                                static_cast<size_t>(config.head_dim));
    all.insert(all.end(), head.begin(), head.end());
  }
  return all;
}

std::vector<float> Inverse(std::span<const float> s) {
  std::vector<float> inverse(s.begin(), s.end());
  for (float& value : inverse) value = 1 / value;
  return inverse;
}

// Divides a tensor of the model, if it has it, by s.
void DivideTensor(const Model& model, const std::string& name, std::span<const float> s,
                  Folding& folding) {
  const float* values = model.FindTensor(name);
  if (values == nullptr) return;
  std::vector<float> divided(values, values + s.size());
  for (size_t i = 0; i < s.size(); ++i) divided[i] /= s[i];
  folding.tensors[name] = std::move(divided);
}

// Rows of the matrix that makes the input of a slot, and its bias.
void DivideRows(const Model& model, const std::string& stem, std::span<const float> s,
                Folding& folding) {
  folding.matrices[stem + ".weight"].rows = Inverse(s);
  DivideTensor(model, stem + ".bias", s, folding);
}

void DivideSource(const Model& model, int layer, InputSlot slot, std::span<const float> s,
                  Folding& folding) {
  if (slot == InputSlot::kOutput) {
    DivideRows(model, LayerName(layer, "self_attn.v_proj"), s, folding);
  } else if (slot == InputSlot::kDown) {
    DivideRows(model, LayerName(layer, "mlp.up_proj"), s, folding);
  } else {
    const std::string norm = LayerName(
        layer, slot == InputSlot::kAttention ? "input_layernorm" : "post_attention_layernorm");
    DivideTensor(model, norm + ".weight", s, folding);
    DivideTensor(model, norm + ".bias", s, folding);
  }
}

}  // namespace

bool FoldsAway(const ModelConfig& config, InputSlot slot) {
  switch (slot) {
    case InputSlot::kAttention:
    case InputSlot::kMlp:
      return config.norm_before;
    case InputSlot::kOutput:
      return true;
    case InputSlot::kDown:
      return config.mlp == MlpKind::kGated;
    case InputSlot::kHead:
      return false;
  }
  return false;
}

int64_t FoldableScales(const ModelConfig& config, InputSlot slot) {
  switch (slot) {
    case InputSlot::kOutput:
      return config.kv_size();
    case InputSlot::kDown:
      return config.intermediate_size;
    default:
      return config.hidden_size;
  }
}

Status AddScales(const Model& model, int layer, InputSlot slot, std::span<const float> s,
                 Folding& folding) {
  CRUMB_CHECK(slot != InputSlot::kHead);
  const ModelConfig& config = model.config();
  if (std::ssize(s) != FoldableScales(config, slot)) {
    return InvalidArgument(fmt::format("{} scales for an input of {} channels", s.size(),
                                       FoldableScales(config, slot)));
  }
  if (!std::ranges::all_of(
          s, [](float v) { return std::isfinite(v) && std::isnormal(1 / v) && v > 0; })) {
    return NumericsError("a scale of an input channel is not a positive number");
  }
  std::vector<float> columns(s.begin(), s.end());
  std::vector<float> input_scales;
  if (FoldsAway(config, slot)) {
    DivideSource(model, layer, slot, s, folding);
    if (slot == InputSlot::kOutput) columns = OfEveryHead(config, s);
  } else {
    input_scales = Inverse(s);
    for (size_t c = 0; c < columns.size(); ++c) {  // exact for the float16 numbers that are stored
      input_scales[c] = HalfToFloat(FloatToHalf(input_scales[c]));
      columns[c] = 1 / input_scales[c];
    }
    if (!std::ranges::all_of(columns, [](float v) { return std::isfinite(v) && v > 0; })) {
      return NumericsError("a scale of an input channel is beyond float16");
    }
  }
  for (const std::string_view stem : StemsOf(config, slot)) {
    FoldedFactors& factors = folding.matrices[LayerName(layer, stem) + ".weight"];
    factors.columns = columns;
    factors.input_scales = input_scales;
  }
  return OkStatus();
}

PackedMatrix FoldMatrix(const Folding& folding, const NamedMatrix& named, ThreadPool& pool) {
  const PackedMatrix& matrix = named.matrix;
  const auto found = folding.matrices.find(named.name);
  const FoldedFactors none;
  const FoldedFactors& factors = found == folding.matrices.end() ? none : found->second;
  const auto cols = static_cast<size_t>(matrix.cols);
  std::vector<float> values(static_cast<size_t>(matrix.rows) * cols);
  pool.ParallelFor(matrix.rows, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) {
      const auto row = std::span(values).subspan(static_cast<size_t>(r) * cols, cols);
      matrix.codec->DecodeRow(matrix, r, row);
      const float by = factors.rows.empty() ? 1.0f : factors.rows[static_cast<size_t>(r)];
      for (size_t c = 0; c < cols; ++c) {
        row[c] *= by * (factors.columns.empty() ? 1.0f : factors.columns[c]);
      }
    }
  });
  PackedMatrix folded = PackFloats(Float32Codec(), matrix.rows, matrix.cols, values);
  if (factors.input_scales.empty()) return folded;
  return WithInputTransform(std::move(folded), {}, HalfBytes(factors.input_scales));
}

SecondMoments FoldMoments(const SecondMoments& moments, std::span<const float> columns) {
  SecondMoments folded = moments;
  const auto n = static_cast<size_t>(moments.cols);
  if (columns.empty()) return folded;
  CRUMB_CHECK(columns.size() == n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) folded.hessian[i * n + j] /= columns[i] * columns[j];
    if (i < folded.mean.size()) folded.mean[i] /= columns[i];
    if (i < folded.mean_abs.size()) folded.mean_abs[i] /= columns[i];
  }
  return folded;
}

}  // namespace crumb

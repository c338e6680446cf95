// The reference: each product as its definition says, one number at a time. It stays the measure of
// every other set, so it is written to be read, not to be fast.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "base/float16.h"
#include "codecs/group_int.h"
#include "codecs/trellis.h"
#include "kernels/kernel_table.h"

namespace crumb {
namespace {

constexpr auto kGroup = static_cast<size_t>(kGroupSize);

uint16_t LoadWord(const uint8_t* at) {
  uint16_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// amax / 127, or NaN when one of the numbers is NaN or Inf.
float ScaleOf(std::span<const float> x) {
  float amax = 0;
  for (const float v : x) {
    if (!std::isfinite(v)) return std::numeric_limits<float>::quiet_NaN();
    amax = std::max(amax, std::abs(v));
  }
  return amax / 127;
}

void Quantize(const float* x, int64_t groups, int64_t groups_of_a_scale, int8_t* codes,
              float* scales, int32_t* sums) {
  for (int64_t g = 0; g < groups; ++g, x += kGroup, codes += kGroup) {
    scales[g] = g % groups_of_a_scale == 0
                    ? ScaleOf({x, static_cast<size_t>(groups_of_a_scale) * kGroup})
                    : scales[g - 1];
    sums[g] = 0;
    for (size_t i = 0; i < kGroup; ++i) {
      // A scale that is itself a denormal is coarse: hence the limits.
      const float code = scales[g] > 0 ? std::nearbyint(x[i] / scales[g]) : 0.0f;
      codes[i] = static_cast<int8_t>(std::clamp(code, -127.0f, 127.0f));
      sums[g] += codes[i];
    }
  }
}

// One group of group-int weights.
struct Group {
  std::array<uint8_t, kGroup> levels;
  float scale;
  uint8_t zero;
};

Group ReadGroup(const WeightView& w, const GroupIntCodec& codec, int64_t index) {
  Group group;
  const auto* codes = reinterpret_cast<const std::byte*>(w.codes) + index * w.group_bytes;
  codec.UnpackGroup({codes, static_cast<size_t>(w.group_bytes)}, group.levels);
  group.scale = HalfToFloat(LoadWord(w.scales + 2 * index));
  group.zero = w.zeros == nullptr ? uint8_t{0} : w.zeros[index];
  return group;
}

// sum over groups of scale_w scale_x (step * sum(q code) - offset * sum(code)), where the weight is
// scale_w (step * q - offset): both read off the codec's own Value().
float DotInt8(const WeightView& w, const ActivationView& x, int64_t row, int64_t b) {
  const GroupIntCodec& codec = *AsGroupInt(w.codec);
  float sum = 0;
  for (int64_t g = 0; g < w.groups; ++g) {
    const Group group = ReadGroup(w, codec, row * w.groups + g);
    const int8_t* codes = x.codes + (b * x.groups + g) * kGroupSize;
    int32_t dot = 0;
    for (size_t i = 0; i < kGroup; ++i) dot += group.levels[i] * codes[i];
    const float offset = -codec.Value(0, 1.0f, group.zero);
    const float step = codec.levels() == 2 ? 2.0f : 1.0f;
    const int64_t at = b * x.groups + g;
    sum += group.scale * x.scales[at] *
           (step * static_cast<float>(dot) - offset * static_cast<float>(x.sums[at]));
  }
  return sum;
}

// Code values of a row of trellis weights, padding included: the weight without the row's scale.
// Bit j of window t lies (k >= 2) j rows above in plane t, (k = 1) t + 2 j rows above in plane 0.
void DecodeTrellisRow(const WeightView& w, const TrellisCodec& codec, int64_t row,
                      int16_t* values) {
  const int bits = codec.bits();
  for (int64_t c = 0; c < w.groups * kGroupSize; ++c) {
    int value = -kTrellisBias;
    for (int t = 0; t < codec.tables(); ++t) {
      size_t window = 0;
      for (int j = 0; j < codec.window_bits(); ++j) {
        const int64_t source = row - (bits == 1 ? t + 2 * j : j);
        if (source < 0) break;
        const int64_t word = (source * w.groups + c / 64) * bits + (bits == 1 ? 0 : t);
        const int bit = w.codes[8 * word + c % 64 / 8] >> (c % 8) & 1;
        window |= static_cast<size_t>(bit) << j;
      }
      value += w.table[static_cast<size_t>(t * kTrellisTableSize) + window];
    }
    values[c] = static_cast<int16_t>(value);
  }
}

float TrellisScale(const WeightView& w, int64_t row) {
  return HalfToFloat(LoadWord(w.scales + 2 * row));
}

float TrellisDotInt8(const WeightView& w, const ActivationView& x, const int16_t* values,
                     int64_t row, int64_t b) {
  float sum = 0;
  for (int64_t g = 0; g < w.groups; ++g) {
    const int8_t* codes = x.codes + (b * x.groups + g) * kGroupSize;
    int32_t dot = 0;
    for (int64_t i = 0; i < kGroupSize; ++i) dot += values[g * kGroupSize + i] * codes[i];
    sum += x.scales[b * x.groups + g] * static_cast<float>(dot);
  }
  return TrellisScale(w, row) * sum;
}

float LoadFloat(const WeightView& w, int64_t index) {
  if (w.format == WeightFormat::kFloat16) return HalfToFloat(LoadWord(w.codes + 2 * index));
  if (w.format == WeightFormat::kBfloat16) return Bfloat16ToFloat(LoadWord(w.codes + 2 * index));
  float value;
  std::memcpy(&value, w.codes + 4 * index, sizeof(value));
  return value;
}

void DecodeRow(const WeightView& w, int64_t row, float* out) {
  if (w.group_bytes == 0) {
    for (int64_t c = 0; c < w.cols; ++c) out[c] = LoadFloat(w, row * w.cols + c);
    return;
  }
  const GroupIntCodec& codec = *AsGroupInt(w.codec);
  for (int64_t g = 0; g < w.groups; ++g) {
    const Group group = ReadGroup(w, codec, row * w.groups + g);
    for (size_t i = 0; i < kGroup; ++i) {
      out[static_cast<size_t>(g) * kGroup + i] =
          codec.Value(group.levels[i], group.scale, group.zero);
    }
  }
}

float DotFloat(const WeightView& w, const ActivationView& x, const float* weights, int64_t b) {
  const float* values = x.floats + b * x.groups * kGroupSize;
  float sum = 0;
  for (int64_t c = 0; c < w.cols; ++c) sum += weights[c] * values[c];
  return sum;
}

void TrellisRows(const WeightView& w, const TrellisCodec& codec, const ActivationView& x,
                 int64_t begin, int64_t end, float* y, int64_t y_stride, void* scratch) {
  auto* weights = static_cast<float*>(scratch);
  auto* values = reinterpret_cast<int16_t*>(weights + w.groups * kGroupSize);
  for (int64_t row = begin; row < end; ++row) {
    DecodeTrellisRow(w, codec, row, values);
    const float scale = TrellisScale(w, row);
    for (int64_t c = 0; c < w.cols; ++c) weights[c] = scale * static_cast<float>(values[c]);
    for (int64_t b = 0; b < x.batch; ++b) {
      y[b * y_stride + row] =
          x.int8 ? TrellisDotInt8(w, x, values, row, b) : DotFloat(w, x, weights, b);
    }
  }
}

// w = scale_r * (2 q - 1).
void BinaryRows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
                int64_t y_stride, void* scratch) {
  auto* weights = static_cast<float*>(scratch);
  for (int64_t row = begin; row < end; ++row) {
    const uint8_t* bits = w.codes + row * w.groups * w.group_bytes;
    const float scale = HalfToFloat(LoadWord(w.scales + 2 * row));
    const auto sign = [bits](int64_t c) { return 2 * (bits[c / 8] >> (c % 8) & 1) - 1; };
    for (int64_t c = 0; c < w.cols; ++c) weights[c] = scale * static_cast<float>(sign(c));
    for (int64_t b = 0; b < x.batch; ++b) {
      float sum = 0;
      for (int64_t g = 0; x.int8 && g < w.groups; ++g) {
        const int8_t* codes = x.codes + (b * x.groups + g) * kGroupSize;
        int32_t dot = 0;
        for (int64_t i = 0; i < kGroupSize; ++i) dot += sign(g * kGroupSize + i) * codes[i];
        sum += x.scales[b * x.groups + g] * static_cast<float>(dot);
      }
      y[b * y_stride + row] = x.int8 ? scale * sum : DotFloat(w, x, weights, b);
    }
  }
}

void Rows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
          int64_t y_stride, void* scratch) {
  if (const TrellisCodec* trellis = AsTrellis(w.codec)) {
    return TrellisRows(w, *trellis, x, begin, end, y, y_stride, scratch);
  }
  if (w.format == WeightFormat::kBinaryRow) {
    return BinaryRows(w, x, begin, end, y, y_stride, scratch);
  }
  const bool use_codes = x.int8 && w.group_bytes != 0;
  auto* weights = static_cast<float*>(scratch);
  for (int64_t row = begin; row < end; ++row) {
    if (!use_codes) DecodeRow(w, row, weights);
    for (int64_t b = 0; b < x.batch; ++b) {
      y[b * y_stride + row] = use_codes ? DotInt8(w, x, row, b) : DotFloat(w, x, weights, b);
    }
  }
}

void Rotate(const float* mixing, float factor, int64_t odd, int64_t power, float* x,
            float* scratch) {
  const int64_t n = odd * power;
  for (int64_t step = 1; step < power; step *= 2) {
    for (int64_t i = 0; i < n; ++i) {
      if ((i & step) != 0) continue;
      const float a = x[i], b = x[i + step];
      x[i] = a + b;
      x[i + step] = a - b;
    }
  }
  std::fill(scratch, scratch + n, 0.0f);
  for (int64_t i = 0; i < odd; ++i) {
    for (int64_t k = 0; k < odd; ++k) {
      for (int64_t j = 0; j < power; ++j) {
        scratch[i * power + j] += mixing[i * odd + k] * x[k * power + j];
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) x[i] = factor * scratch[i];
}

}  // namespace

const MatmulKernels& ScalarMatmul() {
  static constexpr MatmulKernels kernels = {Quantize, Rows, Rotate, false, false, false, nullptr};
  return kernels;
}

}  // namespace crumb

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
#include "kernels/kernel_table.h"

namespace crumb {
namespace {

constexpr auto kGroup = static_cast<size_t>(kGroupSize);

uint16_t LoadWord(const uint8_t* at) {
  uint16_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

void Quantize(const float* x, int64_t groups, int8_t* codes, float* scales, int32_t* sums) {
  for (int64_t g = 0; g < groups; ++g, x += kGroup, codes += kGroup) {
    float amax = 0;
    bool finite = true;
    for (size_t i = 0; i < kGroup; ++i) {
      finite = finite && std::isfinite(x[i]);
      amax = std::max(amax, std::abs(x[i]));
    }
    const float scale = amax / 127;
    scales[g] = finite ? scale : std::numeric_limits<float>::quiet_NaN();
    sums[g] = 0;
    for (size_t i = 0; i < kGroup; ++i) {
      // A scale that is itself a denormal is coarse: hence the limits.
      const float code = finite && scale > 0 ? std::nearbyint(x[i] / scale) : 0.0f;
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

void Rows(const WeightView& w, const ActivationView& x, int64_t begin, int64_t end, float* y,
          int64_t y_stride, void* scratch) {
  const bool use_codes = x.int8 && w.group_bytes != 0;
  auto* weights = static_cast<float*>(scratch);
  for (int64_t row = begin; row < end; ++row) {
    if (!use_codes) DecodeRow(w, row, weights);
    for (int64_t b = 0; b < x.batch; ++b) {
      float sum = 0;
      if (use_codes) {
        sum = DotInt8(w, x, row, b);
      } else {
        const float* values = x.floats + b * x.groups * kGroupSize;
        for (int64_t c = 0; c < w.cols; ++c) sum += weights[c] * values[c];
      }
      y[b * y_stride + row] = sum;
    }
  }
}

}  // namespace

const MatmulKernels& ScalarMatmul() {
  static constexpr MatmulKernels kernels = {Quantize, Rows};
  return kernels;
}

}  // namespace crumb

#include "cuda/lane_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "base/float16.h"

namespace crumb {
namespace {

// h 2^11 of the second column stands for h 2^-11 of the first one's numbers.
constexpr int kSplitBits = 11;

size_t Index(int64_t i) { return static_cast<size_t>(i); }

// A power of two s with |x| < 2 s; 1 for zeros, NaN where a number is NaN or Inf.
float PowerScale(std::span<const float> x) {
  float amax = 0;
  for (const float v : x) {
    if (!std::isfinite(v)) return std::numeric_limits<float>::quiet_NaN();
    amax = std::max(amax, std::abs(v));
  }
  return amax > 0 ? std::ldexp(1.0f, std::max(std::ilogb(amax), -126)) : 1.0f;
}

void SetCodes(const Activations& x, LaneRows& out) {
  out.int8 = true;
  out.columns = x.batch();
  const int64_t padded = x.groups() * kLaneGroup;
  out.numbers.resize(Index(out.columns * padded / 4));
  for (int64_t b = 0; b < x.batch(); ++b) {
    if (padded > 0) {
      std::memcpy(out.numbers.data() + b * padded / 4, x.codes(b), Index(padded));
    }
    out.scales.insert(out.scales.end(), x.scales(b), x.scales(b) + x.groups());
    for (int64_t g = 0; g < x.groups(); ++g) out.sums.push_back(static_cast<float>(x.sums(b)[g]));
  }
  out.column_scales.assign(Index(out.columns), 1.0f);
}

// One column of float16 numbers: values[i] as numbers and sums of their groups.
void SetColumn(std::span<const float> values, int64_t column, LaneRows& out) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t half = FloatToHalf(values[i]);
    const size_t at = Index(column) * values.size() + i;
    out.numbers[at / 2] |= uint32_t{half} << (16 * (at % 2));
  }
  for (int64_t g = 0; g < out.groups; ++g) {
    double sum = 0;
    for (int64_t i = g * kLaneGroup; i < (g + 1) * kLaneGroup; ++i) {
      sum += double{HalfToFloat(FloatToHalf(values[Index(i)]))};
    }
    out.sums[Index(column * out.groups + g)] = static_cast<float>(sum);
  }
}

void SetFloats(const Activations& x, LaneFloats floats, LaneRows& out) {
  out.columns_of_row = floats == LaneFloats::kSplit ? 2 : 1;
  out.columns = x.batch() * out.columns_of_row;
  const int64_t padded = x.groups() * kLaneGroup;
  out.numbers.assign(Index(out.columns * padded / 2), 0);
  out.sums.assign(Index(out.columns * x.groups()), 0);
  std::vector<float> values(Index(padded));
  for (int64_t b = 0; b < x.batch(); ++b) {
    const std::span<const float> row(x.floats(b), Index(padded));
    const float scale = PowerScale(row);
    const bool finite = std::isfinite(scale);
    for (size_t i = 0; i < row.size(); ++i) values[i] = finite ? row[i] / scale : 0.0f;
    SetColumn(values, b * out.columns_of_row, out);
    out.column_scales.push_back(scale);
    if (floats != LaneFloats::kSplit) continue;
    for (float& v : values) v = std::ldexp(v - HalfToFloat(FloatToHalf(v)), kSplitBits);
    SetColumn(values, b * 2 + 1, out);
    out.column_scales.push_back(std::ldexp(scale, -kSplitBits));
  }
}

}  // namespace

LaneRows MakeLaneRows(const Activations& x, bool use_codes, LaneFloats floats) {
  LaneRows out;
  out.batch = x.batch();
  out.cols = x.cols();
  out.groups = x.groups();
  if (use_codes && x.int8()) {
    SetCodes(x, out);
  } else {
    SetFloats(x, floats, out);
  }
  return out;
}

}  // namespace crumb

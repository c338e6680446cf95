// The order of an integer product's sums, as docs/kernels.md states it: the same for every vector
// set, tile and batch, so results are compared bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/float16.h"
#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "kernels/kernel_set.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

float HalfAt(std::span<const std::byte> part, int64_t index) {
  uint16_t half;
  std::memcpy(&half, part.data() + 2 * index, sizeof(half));
  return HalfToFloat(half);
}

// acc <- acc + (s_w s_x) dot - (s_w offset) (s_x sum of codes), one rounding each.
float GroupProduct(const PackedMatrix& w, const GroupIntCodec& codec, int64_t row,
                   const Activations& x, int64_t b) {
  const int bias = codec.levels() == 256 ? 128 : 0;
  const int step = codec.levels() == 2 ? 2 : 1;
  float acc = 0;
  for (int64_t g = 0; g < x.groups(); ++g) {
    const int64_t group = row * x.groups() + g;
    uint8_t levels[64];
    codec.UnpackGroup(
        w.codes.subspan(Index(group * codec.group_bytes()), Index(codec.group_bytes())),
        std::span<uint8_t, 64>(levels));
    int32_t dot = 0;
    for (int64_t i = 0; i < 64; ++i) {
      dot += (step * levels[Index(i)] - bias) * x.codes(b)[g * 64 + i];
    }
    const float scale = HalfAt(w.scales, group);
    const float factor = static_cast<float>(codec.levels() - 1) / 255;
    const float offset =
        codec.has_zero_point()
            ? std::fma(static_cast<float>(std::to_integer<int>(w.zeros[Index(group)])), factor,
                       static_cast<float>(-bias))
            : 1.0f;
    acc = std::fma(static_cast<float>(dot), scale * x.scales(b)[g], acc);
    acc = std::fma(-(scale * offset), x.scales(b)[g] * static_cast<float>(x.sums(b)[g]), acc);
  }
  return acc;
}

// Of codecs with one scale a row: acc <- acc + s_x dot; then times the scale.
float RowProduct(const PackedMatrix& w, int64_t row, const Activations& x, int64_t b) {
  const float scale = HalfAt(w.scales, row);
  std::vector<float> weights(Index(x.groups() * 64));
  w.codec->DecodeRow(w, row, std::span(weights).first(Index(w.cols)));
  float acc = 0;
  for (int64_t g = 0; g < x.groups(); ++g) {
    int32_t dot = 0;
    for (int64_t i = g * 64; i < g * 64 + 64; ++i) {
      dot += static_cast<int32_t>(std::lround(weights[Index(i)] / scale)) * x.codes(b)[i];
    }
    acc = std::fma(static_cast<float>(dot), x.scales(b)[g], acc);
  }
  return acc * scale;
}

// `rows` x `cols` of every codec, with so many rows of activations, the most of them last.
void ExpectThisOrder(int64_t rows, int64_t cols, const std::vector<int64_t>& batches) {
  const int64_t largest_batch = batches.back();
  for (const Codec* codec : AllCodecs()) {
    if (!HasInt8Kernel(codec)) continue;
    Rng rng(11);
    ThreadPool pool(1);
    const PackedMatrix w = RandomWeights(codec, rows, cols, rng);
    const std::vector<float> inputs = RandomRows(largest_batch, cols, rng);
    std::vector<float> expected;
    ForEachKernelSet([&] {
      if (ActiveKernelSet() == "scalar") return;  // the definition, not this order
      Activations x;
      x.Set(inputs.data(), largest_batch, cols, cols, ActivationType::kInt8, pool);
      if (expected.empty()) {
        for (int64_t i = 0; i < largest_batch * rows; ++i) {
          const GroupIntCodec* grid = AsGroupInt(codec);
          const int64_t b = i / rows, row = i % rows;
          expected.push_back(grid != nullptr ? GroupProduct(w, *grid, row, x, b)
                                             : RowProduct(w, row, x, b));
        }
      }
      for (const int64_t batch : batches) {
        x.Set(inputs.data(), batch, cols, cols, ActivationType::kInt8, pool);
        std::vector<float> y(Index(batch * rows));
        MatMul(w, x, y.data(), rows, pool);
        for (size_t i = 0; i < y.size(); ++i) {
          ASSERT_EQ(y[i], expected[i]) << codec->name() << " batch " << batch << " output " << i;
        }
      }
    });
  }
}

TEST(MatMulOrder, IntegerProductsAreFusedSumsGroupAfterGroupInEveryVectorSet) {
  std::vector<int64_t> batches;
  for (int64_t batch = 1; batch <= 33; ++batch) batches.push_back(batch);
  ExpectThisOrder(18, 200, batches);
}

// Kernels of few rows take lines of 64 bytes and batches of 16 groups, and treat rows of 2 KiB and
// more, and tiles of 8, 32 and 64 KiB and more, in other ways than smaller ones.
TEST(MatMulOrder, HoldsForLongRowsAndPartsOfLines) {
  for (const int64_t cols : {1024, 1100, 1500, 2600}) ExpectThisOrder(50, cols, {1, 2, 8, 9, 17});
}

// Column c goes to lane c modulo `lanes`; lanes are added 8, 4, 2 and 1 apart, with NEON neighbours
// first.
float FloatProduct(std::span<const float> weights, const float* x, size_t lanes) {
  std::vector<float> sums(lanes);
  for (size_t c = 0; c < weights.size(); ++c) {
    float& sum = sums[c % lanes];
    sum = std::fma(weights[c], x[c], sum);
  }
  if (lanes == 4) return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  for (size_t half = lanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  }
  return sums[0];
}

// Widths with and without a part of a vector; batches on both sides of where rows are decoded to
// scratch; rows that end inside of a tile.
TEST(MatMulOrder, FloatProductsAreSumsOfLanesWhateverTheBatch) {
  ForEachKernelSet([] {
    const std::string set(ActiveKernelSet());
    if (set == "scalar") return;
    const size_t lanes = set == "avx512" || set == "amx" ? 16 : set == "avx2" ? 8 : 4;
    for (const Codec* codec : {Float32Codec(), Float16Codec(), Bfloat16Codec()}) {
      for (const int64_t cols : {64, 200, 2100}) {
        Rng rng(17);
        ThreadPool pool(2);
        constexpr int64_t kRows = 71, kMost = 33;
        const PackedMatrix w = RandomWeights(codec, kRows, cols, rng);
        const std::vector<float> inputs = RandomRows(kMost, cols, rng);
        std::vector<float> expected;
        for (int64_t row = 0; row < kRows; ++row) {
          std::vector<float> weights(Index(cols));
          codec->DecodeRow(w, row, weights);
          for (int64_t b = 0; b < kMost; ++b) {
            expected.push_back(FloatProduct(weights, inputs.data() + b * cols, lanes));
          }
        }
        for (int64_t batch = 1; batch <= kMost; ++batch) {
          Activations x;
          x.Set(inputs.data(), batch, cols, cols, ActivationType::kFloat32, pool);
          std::vector<float> y(Index(batch * kRows));
          MatMul(w, x, y.data(), kRows, pool);
          for (int64_t i = 0; i < batch * kRows; ++i) {
            ASSERT_EQ(y[Index(i)], expected[Index(i % kRows * kMost + i / kRows)])
                << set << " " << codec->name() << " batch " << batch << " output " << i;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace crumb

// Products with floats in tiles are those with rows one after another.
#include <gtest/gtest.h>

#include <vector>

#include "codecs/float_codecs.h"
#include "kernels/kernel_table.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_products.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

const Codec* const kFloats[] = {Float16Codec(), Bfloat16Codec()};

// Column c goes to the same lane in both, and lanes are added in the same order.
TEST(TiledFloatProducts, EqualThoseOfTheOriginalBitForBit) {
  ForEachKernelSet([] {
    for (const Codec* codec : kFloats) {
      if (FasterForm(codec, kShortFloatRow + 1) == nullptr) continue;
      for (const auto& [rows, cols] : {std::pair{1, 1}, std::pair{16, 32}, std::pair{40, 100},
                                       std::pair{33, 63}, std::pair{50, 2200}}) {
        Rng rng(3);
        const PackedMatrix w = RandomWeights(codec, rows, cols, rng);
        const PackedMatrix tiled = Tiled(w);
        const std::vector<float> inputs = RandomRows(33, cols, rng);
        for (const int threads : {1, 2, 3}) {
          ThreadPool pool(threads);
          for (const int64_t batch : {1, 2, 3, 5, 6, 7, 12, 13, 33}) {
            Activations x;
            x.Set(inputs.data(), batch, cols, cols, ActivationType::kFloat32, pool);
            ASSERT_EQ(Products(tiled, x, pool), Products(w, x, pool))
                << codec->name() << " " << rows << "x" << cols << " batch " << batch << " threads "
                << threads;
          }
        }
      }
    }
  });
}

TEST(TiledFloatProducts, AreWithinRoundingInEverySet) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const Codec* codec : kFloats) {
      Rng rng(4);
      constexpr int64_t kRows = 37, kCols = 100, kBatch = 3;
      const PackedMatrix w = RandomWeights(codec, kRows, kCols, rng);
      const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
      Activations x;
      x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kFloat32, pool);
      const std::vector<float> y = Products(Tiled(w), x, pool);
      for (int64_t r = 0; r < kRows; ++r) {
        for (int64_t b = 0; b < kBatch; ++b) {
          const Expected e = ExpectedProduct(w, r, x, b);
          ASSERT_NEAR(y[Index(b * (kRows + 3) + r)], e.value, Bound(e.magnitude, kCols));
        }
      }
    }
  });
}

// Which form is faster depends on the length of rows: that of short ones is the file's.
TEST(TiledFloatProducts, AreOfLongRowsOnly) {
  ForEachKernelSet([] {
    for (const Codec* codec : kFloats) EXPECT_EQ(FasterForm(codec, kShortFloatRow), nullptr);
    EXPECT_EQ(FasterForm(Float32Codec(), 1 << 20), nullptr);
  });
}

}  // namespace
}  // namespace crumb

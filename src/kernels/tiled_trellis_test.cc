// Products with trellis codes in tiles are those with the codes in the order of files.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/kernel_set.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_products.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

const Codec* const kTiled[] = {Trellis1Codec(), Trellis2Codec(), Trellis3Codec(), Trellis4Codec()};

// Integer sums are exact and floats are added in one order, so nothing may differ.
TEST(TiledTrellisProducts, EqualThoseOfTheOriginalBitForBit) {
  ForEachKernelSet([] {
    for (const Codec* codec : kTiled) {
      if (FasterForm(codec, 64) == nullptr) continue;
      for (const auto& [rows, cols] :
           {std::pair{1, 1}, std::pair{18, 200}, std::pair{64, 64}, std::pair{70, 63},
            std::pair{150, 130}, std::pair{200, 576}, std::pair{321, 1100}}) {
        Rng rng(3);
        const PackedMatrix w = RandomMatrix(codec, rows, cols, rng);
        const PackedMatrix tiled = Tiled(w);
        const std::vector<float> inputs = RandomRows(101, cols, rng);
        for (const int threads : {1, 2, 3}) {
          ThreadPool pool(threads);
          for (const int64_t batch : {1, 2, 3, 4, 8, 9, 16, 17, 33, 101}) {
            for (const ActivationType type : {ActivationType::kInt8, ActivationType::kFloat32}) {
              if (type == ActivationType::kFloat32 && batch > 3) continue;
              Activations x;
              x.Set(inputs.data(), batch, cols, cols, type, pool);
              ASSERT_EQ(Products(tiled, x, pool), Products(w, x, pool))
                  << codec->name() << " " << rows << "x" << cols << " batch " << batch
                  << " threads " << threads << " " << ActivationName(type);
            }
          }
        }
      }
    }
  });
}

TEST(TiledTrellisProducts, AreWithinRoundingInSetsThatHaveNoKernelForThem) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const Codec* codec : kTiled) {
      Rng rng(4);
      constexpr int64_t kRows = 130, kCols = 100, kBatch = 3;
      const PackedMatrix tiled = Tiled(RandomMatrix(codec, kRows, kCols, rng));
      const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
      Activations x;
      x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kInt8, pool);
      const std::vector<float> y = Products(tiled, x, pool);
      std::vector<float> weights(Index(kCols));
      for (int64_t r = 0; r < kRows; ++r) {
        tiled.codec->DecodeRow(tiled, r, weights);
        for (int64_t b = 0; b < kBatch; ++b) {
          const Expected e = FasterForm(codec, kCols) != nullptr ? Int8Product(tiled, r, x, b)
                                                                 : FloatProduct(weights, x, b);
          ASSERT_NEAR(y[Index(b * (kRows + 3) + r)], e.value, Bound(e.magnitude, kCols));
        }
      }
    }
  });
}

TEST(TiledTrellisProducts, TogetherWithOthersEqualEachAlone) {
  ForEachKernelSet([] {
    constexpr int64_t kRows = 200, kCols = 128, kStride = kRows + 3;
    for (const Codec* codec : kTiled) {
      Rng rng(6);
      const PackedMatrix grid = RandomMatrix(FindCodec("int4-g64"), kRows, kCols, rng);
      const PackedMatrix tiled = Tiled(RandomMatrix(codec, kRows, kCols, rng));
      const std::vector<float> row = RandomRows(1, kCols, rng);
      ThreadPool one(1);
      Activations x;
      x.Set(row.data(), 1, kCols, kCols, ActivationType::kInt8, one);
      for (const int threads : {1, 2, 3, 7}) {
        ThreadPool pool(threads);
        std::vector<float> a(Index(kStride), -77.0f), b = a, c = a;
        const crumb::Product products[] = {
            {&tiled, a.data(), kStride}, {&grid, b.data(), kStride}, {&tiled, c.data(), kStride}};
        MatMul(products, x, pool);
        EXPECT_EQ(a, Products(tiled, x, one));
        EXPECT_EQ(b, Products(grid, x, one));
        EXPECT_EQ(c, a);
      }
    }
  });
}

}  // namespace
}  // namespace crumb

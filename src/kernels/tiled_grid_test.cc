// Products with grids in tiles are those with the codes in the order of files.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "kernels/kernel_set.h"
#include "kernels/matmul.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_products.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

constexpr const char* kGrids[] = {"int8-g64", "int4-g64",    "int3-g64",  "int2-g64",
                                  "int1-g64", "ternary-g64", "binary-row"};

void ExpectTheSame(const char* name, int64_t rows, int64_t cols,
                   const std::vector<int64_t>& batches, const std::vector<int>& threads) {
  Rng rng(3);
  const PackedMatrix w = RandomMatrix(FindCodec(name), rows, cols, rng);
  const PackedMatrix tiled = Tiled(w);
  const std::vector<float> inputs = RandomRows(batches.back(), cols, rng);
  for (const int count : threads) {
    ThreadPool pool(count);
    for (const int64_t batch : batches) {
      for (const ActivationType type :
           {ActivationType::kInt8, ActivationType::kInt8Token, ActivationType::kFloat32}) {
        if (type != ActivationType::kInt8 && batch > 3) continue;
        Activations x;
        x.Set(inputs.data(), batch, cols, cols, type, pool);
        ASSERT_EQ(Products(tiled, x, pool), Products(w, x, pool))
            << name << " " << rows << "x" << cols << " batch " << batch << " threads " << count
            << " " << ActivationName(type);
      }
    }
  }
}

// Integer sums are exact and floats are added in one order, so nothing may differ.
TEST(TiledGridProducts, EqualThoseOfTheOriginalBitForBit) {
  ForEachKernelSet([] {
    for (const char* name : kGrids) {
      if (FasterForm(FindCodec(name), 200) == nullptr) continue;
      std::vector<int64_t> batches;
      for (int64_t batch = 1; batch <= 33; ++batch) batches.push_back(batch);
      ExpectTheSame(name, 50, 200, batches, {1});
      for (const auto& [rows, cols] :
           {std::pair{1, 1}, std::pair{32, 64}, std::pair{70, 63}, std::pair{150, 130},
            std::pair{200, 576}, std::pair{321, 1100}}) {
        ExpectTheSame(name, rows, cols, {1, 2, 5, 8, 9, 17, 101}, {1, 2, 3});
      }
    }
  });
}

// Levels and codes as large as they can be: no sum leaves its 32 bits, and none is rounded.
TEST(TiledGridProducts, OfTheLargestLevelsAndCodesAreExact) {
  ForEachKernelSet([] {
    ThreadPool pool(1);
    for (const char* name : kGrids) {
      const Codec* codec = FindCodec(name);
      if (FasterForm(codec, 128) == nullptr) continue;
      Rng rng(1);
      const PackedMatrix w = RandomMatrix(codec, 32, 128, rng);
      const std::vector<std::byte> ones(w.codes.size(), std::byte{0xff});
      PackedMatrix largest = w;
      largest.codes = ones;
      const PackedMatrix tiled = Tiled(largest);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> inputs(128, sign * 127.0f);  // codes of 127 or -127, scale 1
        Activations x;
        x.Set(inputs.data(), 1, 128, 128, ActivationType::kInt8, pool);
        ASSERT_EQ(x.codes(0)[0], static_cast<int>(sign * 127));
        ASSERT_EQ(Products(tiled, x, pool), Products(largest, x, pool)) << name;
        for (int64_t r = 0; r < 32; ++r) {
          const Expected e = ExpectedProduct(largest, r, x, 0);
          ASSERT_NEAR(Products(tiled, x, pool)[Index(r)], e.value, Bound(e.magnitude, 128));
        }
      }
    }
  });
}

// A page that may not be read lies right behind the last tile.
TEST(TiledGridProducts, ReadNothingBehindTheTiles) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  ForEachKernelSet([&] {
    ThreadPool pool(1);
    for (const char* name : kGrids) {
      Rng rng(8);
      constexpr int64_t kRows = 40, kCols = 200;
      const PackedMatrix w = RandomMatrix(FindCodec(name), kRows, kCols, rng);
      PackedMatrix tiled = Tiled(w);
      const size_t bytes = (tiled.codes.size() + page - 1) / page * page;
      void* map =
          ::mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      ASSERT_NE(map, MAP_FAILED);
      auto* end = static_cast<std::byte*>(map) + bytes;
      ASSERT_EQ(::mprotect(end, page, PROT_NONE), 0);
      std::ranges::copy(tiled.codes, end - tiled.codes.size());
      tiled.codes = {end - tiled.codes.size(), tiled.codes.size()};
      const std::vector<float> inputs = RandomRows(20, kCols, rng);
      for (const int64_t batch : {1, 3, 8, 20}) {
        for (const ActivationType type : {ActivationType::kInt8, ActivationType::kFloat32}) {
          Activations x;
          x.Set(inputs.data(), batch, kCols, kCols, type, pool);
          EXPECT_EQ(Products(tiled, x, pool), Products(Tiled(w), x, pool)) << name;
        }
      }
      ::munmap(map, bytes + page);
    }
  });
}

TEST(TiledGridProducts, AreWithinRoundingInSetsThatHaveNoKernelForThem) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    for (const char* name : kGrids) {
      const Codec* codec = FindCodec(name);
      Rng rng(4);
      constexpr int64_t kRows = 70, kCols = 100, kBatch = 3;
      const PackedMatrix w = RandomMatrix(codec, kRows, kCols, rng);
      const PackedMatrix tiled = Tiled(w);
      const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
      Activations x;
      x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kInt8, pool);
      const std::vector<float> y = Products(tiled, x, pool);
      std::vector<float> weights(Index(kCols));
      for (int64_t r = 0; r < kRows; ++r) {
        tiled.codec->DecodeRow(tiled, r, weights);
        for (int64_t b = 0; b < kBatch; ++b) {
          const Expected e = FasterForm(codec, kCols) != nullptr ? Int8Product(w, r, x, b)
                                                                 : FloatProduct(weights, x, b);
          ASSERT_NEAR(y[Index(b * (kRows + 3) + r)], e.value, Bound(e.magnitude, kCols))
              << name << " row " << r;
        }
      }
    }
  });
}

TEST(TiledGridProducts, TogetherWithOtherFormsEqualEachAlone) {
  ForEachKernelSet([] {
    constexpr int64_t kRows = 200, kCols = 128, kStride = kRows + 3;
    for (const char* name : kGrids) {
      Rng rng(6);
      const PackedMatrix stored = RandomMatrix(FindCodec("int4-g64"), kRows, kCols, rng);
      const PackedMatrix trellis = Tiled(RandomMatrix(Trellis2Codec(), kRows, kCols, rng));
      const PackedMatrix tiled = Tiled(RandomMatrix(FindCodec(name), kRows, kCols, rng));
      const std::vector<float> row = RandomRows(1, kCols, rng);
      ThreadPool one(1);
      Activations x;
      x.Set(row.data(), 1, kCols, kCols, ActivationType::kInt8, one);
      for (const int threads : {1, 2, 3, 7}) {
        ThreadPool pool(threads);
        std::vector<float> a(Index(kStride), -77.0f), b = a, c = a;
        const crumb::Product products[] = {{&tiled, a.data(), kStride},
                                           {&stored, b.data(), kStride},
                                           {&trellis, c.data(), kStride}};
        MatMul(products, x, pool);
        EXPECT_EQ(a, Products(tiled, x, one)) << name;
        EXPECT_EQ(b, Products(stored, x, one));
        EXPECT_EQ(c, Products(trellis, x, one));
      }
    }
  });
}

TEST(TiledGridProducts, RowsOfATableAreThoseOfTheOriginal) {
  for (const char* name : kGrids) {
    Rng rng(7);
    const PackedMatrix w = RandomMatrix(FindCodec(name), 77, 130, rng);
    const std::vector<int32_t> rows = {0, 76, 31, 32, 5, 5};
    std::vector<float> expected(rows.size() * 130), found(expected.size());
    GatherRows(w, rows, expected.data());
    GatherRows(Tiled(w), rows, found.data());
    EXPECT_EQ(found, expected) << name;
  }
}

}  // namespace
}  // namespace crumb

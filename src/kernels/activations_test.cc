// Activations as products see them, and rows of weights as activations (GatherRows).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"
#include "codecs/codec.h"
#include "kernels/matmul.h"
#include "kernels/rotation.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

TEST(Activations, CodesAreTheRoundedQuotients) {
  ForEachKernelSet([] {
    ThreadPool pool(1);
    Rng rng(11);
    constexpr int64_t kCols = 150, kBatch = 3;
    const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
    Activations x;
    x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kInt8, pool);
    for (int64_t b = 0; b < kBatch; ++b) {
      for (int64_t g = 0; g < x.groups(); ++g) {
        float amax = 0;
        int32_t sum = 0;
        for (int64_t i = g * 64; i < g * 64 + 64; ++i) {
          const float value = i < kCols ? rows[Index(b * kCols + i)] : 0.0f;
          ASSERT_EQ(x.floats(b)[i], value);
          amax = std::max(amax, std::abs(value));
          sum += x.codes(b)[i];
        }
        ASSERT_EQ(x.scales(b)[g], amax / 127);
        ASSERT_EQ(x.sums(b)[g], sum);
        for (int64_t i = g * 64; i < g * 64 + 64; ++i) {
          ASSERT_EQ(x.codes(b)[i], std::nearbyint(x.floats(b)[i] / x.scales(b)[g]));
        }
      }
    }
  });
}

TEST(Activations, TokensHaveOneScaleOfTheirLargestNumber) {
  ForEachKernelSet([] {
    ThreadPool pool(1);
    Rng rng(12);
    constexpr int64_t kCols = 150, kBatch = 3;
    const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
    Activations x;
    x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kInt8Token, pool);
    for (int64_t b = 0; b < kBatch; ++b) {
      float amax = 0;
      for (int64_t i = 0; i < kCols; ++i)
        amax = std::max(amax, std::abs(rows[Index(b * kCols + i)]));
      for (int64_t g = 0; g < x.groups(); ++g) {
        ASSERT_EQ(x.scales(b)[g], amax / 127);
        int32_t sum = 0;
        for (int64_t i = g * 64; i < g * 64 + 64; ++i) {
          ASSERT_EQ(x.codes(b)[i], std::nearbyint(x.floats(b)[i] / x.scales(b)[g]));
          sum += x.codes(b)[i];
        }
        ASSERT_EQ(x.sums(b)[g], sum);
      }
    }
  });
}

TEST(Activations, BorrowedRowsAreNotCopiedAndGiveTheSameCodes) {
  ThreadPool pool(2);
  Rng rng(13);
  constexpr int64_t kCols = 128, kBatch = 3;
  const std::vector<float> numbers = RandomRows(kBatch, kCols, rng);
  alignas(64) std::array<float, kBatch * kCols + 1> memory;
  for (const auto type : {ActivationType::kFloat32, ActivationType::kInt8}) {
    for (const size_t offset : {0, 1}) {  // only whole lines can stay where they are
      float* rows = memory.data() + offset;
      std::copy(numbers.begin(), numbers.end(), rows);
      Activations copied, borrowed;
      copied.Set(rows, kBatch, kCols, kCols, type, pool);
      borrowed.Borrow(rows, kBatch, kCols, type, pool);
      EXPECT_EQ(borrowed.floats(0) == rows, offset == 0);
      for (int64_t b = 0; b < kBatch; ++b) {
        ASSERT_TRUE(std::equal(rows + b * kCols, rows + (b + 1) * kCols, borrowed.floats(b)));
        if (type == ActivationType::kFloat32) continue;
        ASSERT_TRUE(std::equal(copied.codes(b), copied.codes(b) + kCols, borrowed.codes(b)));
        ASSERT_EQ(copied.scales(b)[1], borrowed.scales(b)[1]);
        ASSERT_EQ(copied.sums(b)[1], borrowed.sums(b)[1]);
      }
    }
  }
}

TEST(Activations, BorrowedRowsThatChangeOnTheWayAreCopied) {
  ThreadPool pool(1);
  Rng rng(14);
  alignas(64) std::array<float, 128> rows;
  std::ranges::copy(RandomRows(1, 128, rng), rows.begin());
  const auto before = rows;
  const std::vector<std::byte> signs(16, std::byte{0x5a});
  Activations copied, borrowed;
  copied.Set(rows.data(), 1, 128, 128, ActivationType::kFloat32, pool, {.signs = signs});
  borrowed.Borrow(rows.data(), 1, 128, ActivationType::kFloat32, pool, {.signs = signs});
  EXPECT_TRUE(std::equal(copied.floats(0), copied.floats(0) + 128, borrowed.floats(0)));
  EXPECT_EQ(rows, before);
  // 100 columns need zeros behind them; and what was borrowed before is forgotten.
  borrowed.Borrow(rows.data(), 1, 64, ActivationType::kFloat32, pool);
  borrowed.Borrow(rows.data(), 1, 100, ActivationType::kFloat32, pool);
  EXPECT_EQ(borrowed.floats(0)[99], rows[99]);
  EXPECT_EQ(borrowed.floats(0)[100], 0.0f);
}

TEST(Activations, NamesAreReadBack) {
  for (const ActivationType type :
       {ActivationType::kFloat32, ActivationType::kInt8, ActivationType::kInt8Token}) {
    EXPECT_EQ(*ParseActivationType(ActivationName(type)), type);
  }
  EXPECT_EQ(ParseActivationType("int4").status().code(), StatusCode::kInvalidArgument);
}

TEST(Activations, ZerosAndTinyNumbersStayFinite) {
  ForEachKernelSet([] {
    ThreadPool pool(1);
    for (const float value : {0.0f, FLT_MIN, 190 * FLT_TRUE_MIN, FLT_TRUE_MIN, FLT_MAX}) {
      const std::vector<float> row(64, value);
      Activations x;
      x.Set(row.data(), 1, 64, 64, ActivationType::kInt8, pool);
      EXPECT_TRUE(std::isfinite(x.scales(0)[0])) << value;
      for (int i = 0; i < 64; ++i) EXPECT_GE(x.codes(0)[i], 0) << value;
    }
  });
}

// A fault upstream must show in the result, not hide in a code of 0.
void CheckThatFaultsShow(const PackedMatrix& w, ActivationType type, Rng& rng) {
  ThreadPool pool(1);
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const int64_t place : {0, 77, 129}) {
      std::vector<float> rows = RandomRows(2, 130, rng);
      rows[Index(place)] = bad;
      for (const int64_t batch : {1, 2}) {
        Activations x;
        x.Set(rows.data(), batch, 130, 130, type, pool);
        float y[10] = {};
        MatMul(w, x, y, 5, pool);
        for (int r = 0; r < 5; ++r) {
          EXPECT_TRUE(std::isnan(y[r])) << w.codec->name();
          EXPECT_TRUE(std::isfinite(y[5 + r])) << "the other row of the batch";
        }
      }
    }
  }
}

TEST(Activations, NanAndInfinityReachEveryOutput) {
  ForEachKernelSet([] {
    Rng rng(2);
    for (const char* codec : {"int4-g64", "trellis1", "trellis2", "trellis4"}) {
      const PackedMatrix w = RandomMatrix(FindCodec(codec), 5, 130, rng);
      for (const ActivationType type : {ActivationType::kInt8, ActivationType::kInt8Token}) {
        CheckThatFaultsShow(w, type, rng);
      }
    }
  });
}

TEST(Activations, BuffersAreReusedAcrossShapes) {
  ThreadPool pool(1);
  Activations x;
  Rng rng(4);
  for (const int64_t cols : {640, 1, 64, 65}) {
    const std::vector<float> rows = RandomRows(2, cols, rng);
    x.Set(rows.data(), 2, cols, cols, ActivationType::kInt8, pool);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(x.floats(1)) % 64, 0u);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(x.codes(1)) % 64, 0u);
    for (int64_t i = cols; i < x.groups() * 64; ++i) ASSERT_EQ(x.floats(1)[i], 0.0f);
  }
}

TEST(GatherRows, UndoesTheInputTransform) {
  Rng rng(10);
  std::vector<std::byte> buffer;
  PackedMatrix table = RandomMatrix(FindCodec("int8-g64"), 4, 96, rng);
  table.input = RandomTransform(96, rng, buffer);
  const std::vector<int32_t> rows = {3, 1};
  std::vector<float> out(2 * 96), row(96), scratch(96);
  GatherRows(table, rows, out.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    table.codec->DecodeRow(table, rows[i], row);
    UndoInputTransformOfRow(table.input, row, scratch);
    for (size_t c = 0; c < row.size(); ++c) EXPECT_EQ(out[i * row.size() + c], row[c]);
  }
}

TEST(GatherRows, CopiesDecodedRows) {
  Rng rng(9);
  const PackedMatrix table = RandomMatrix(FindCodec("int3-g64"), 6, 70, rng);
  const std::vector<int32_t> rows = {5, 0, 5};
  std::vector<float> out(Index(3 * table.cols)), row(Index(table.cols));
  GatherRows(table, rows, out.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    table.codec->DecodeRow(table, rows[i], row);
    for (size_t c = 0; c < row.size(); ++c) EXPECT_EQ(out[i * row.size() + c], row[c]);
  }
}

}  // namespace
}  // namespace crumb

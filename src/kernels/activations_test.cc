// Activations as products see them, and rows of weights as activations (GatherRows).
#include <gtest/gtest.h>

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

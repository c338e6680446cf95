#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/codec.h"
#include "codecs/float_codecs.h"
#include "codecs/group_int.h"
#include "codecs/trellis.h"
#include "kernels/rotation.h"
#include "kernels/testing_matrices.h"
#include "kernels/testing_products.h"
#include "kernels/testing_sets.h"

namespace crumb {
namespace {

std::vector<const Codec*> TestedCodecs() {
  std::vector<const Codec*> codecs = {Float32Codec(), Float16Codec(), Bfloat16Codec()};
  for (const Codec* codec : AllCodecs()) {
    if (HasInt8Kernel(codec)) codecs.push_back(codec);
  }
  return codecs;
}

struct Shape {
  int64_t rows, cols, batch;
};

constexpr Shape kShapes[] = {{1, 1, 1},    {1, 64, 1},   {3, 63, 2},   {5, 65, 3},   {17, 200, 5},
                             {33, 576, 1}, {20, 130, 7}, {37, 100, 9}, {19, 257, 33}};

void CheckProduct(const Codec* codec, const Shape& shape, ActivationType type) {
  Rng rng(static_cast<uint64_t>(shape.rows * 1000 + shape.cols));
  ThreadPool pool(2);
  const PackedMatrix w = RandomWeights(codec, shape.rows, shape.cols, rng);
  const std::vector<float> rows = RandomRows(shape.batch, shape.cols, rng);
  Activations x;
  x.Set(rows.data(), shape.batch, shape.cols, shape.cols, type, pool);
  const int64_t stride = shape.rows + 3;
  std::vector<float> y(Index(shape.batch * stride), -77.0f);
  MatMul(w, x, y.data(), stride, pool);
  std::vector<float> decoded(Index(shape.cols));
  for (int64_t r = 0; r < shape.rows; ++r) {
    codec->DecodeRow(w, r, decoded);
    for (int64_t b = 0; b < shape.batch; ++b) {
      const bool int8 = x.int8() && HasInt8Kernel(codec);
      const Expected e = int8 ? Int8Product(w, r, x, b) : FloatProduct(decoded, x, b);
      ASSERT_NEAR(y[Index(b * stride + r)], e.value, Bound(e.magnitude, shape.cols))
          << codec->name() << " row " << r << " of " << shape.rows << " x " << shape.cols
          << ", batch " << b << " of " << shape.batch;
    }
  }
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t r = shape.rows; r < stride; ++r) ASSERT_EQ(y[Index(b * stride + r)], -77.0f);
  }
}

TEST(MatMul, FloatActivationsAreWithinRoundingOfFloat64) {
  ForEachKernelSet([] {
    for (const Codec* codec : TestedCodecs()) {
      for (const Shape& shape : kShapes) CheckProduct(codec, shape, ActivationType::kFloat32);
    }
  });
}

TEST(MatMul, Int8ActivationsAreWithinRoundingOfFloat64) {
  ForEachKernelSet([] {
    for (const Codec* codec : TestedCodecs()) {
      for (const Shape& shape : kShapes) {
        CheckProduct(codec, shape, ActivationType::kInt8);
        CheckProduct(codec, shape, ActivationType::kInt8Token);
      }
    }
  });
}

// Levels and codes at their ends: a 16-bit sum of two products would overflow.
TEST(MatMul, LargestLevelsAndCodesDoNotOverflow) {
  ForEachKernelSet([] {
    ThreadPool pool(1);
    for (const Codec* codec : TestedCodecs()) {
      if (!HasInt8Kernel(codec)) continue;
      Rng rng(1);
      constexpr int64_t kCols = 1024;
      PackedMatrix w = RandomMatrix(codec, 1, kCols, rng);
      auto* codes = const_cast<std::byte*>(w.codes.data());
      for (size_t i = 0; i < w.codes.size(); ++i) codes[i] = std::byte{0xff};
      auto* table = const_cast<std::byte*>(w.table.data());  // the largest sums: 255 + 0 + ...
      for (size_t i = 0; i < w.table.size(); ++i) table[i] = std::byte(i < 64 ? 255 : 0);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> rows(Index(kCols), sign * 3.0f);
        Activations x;
        x.Set(rows.data(), 1, kCols, kCols, ActivationType::kInt8, pool);
        float y = 0;
        MatMul(w, x, &y, 1, pool);
        const Expected e = Int8Product(w, 0, x, 0);
        EXPECT_NEAR(y, e.value, Bound(e.magnitude, kCols)) << codec->name();
      }
    }
  });
}

TEST(MatMul, ResultsDoNotDependOnThreadsOrOnTheRestOfTheBatch) {
  ForEachKernelSet([] {
    constexpr int64_t kRows = 70, kCols = 200;
    for (const Codec* codec : TestedCodecs()) {
      for (const auto& [type, batch] :
           {std::pair{ActivationType::kFloat32, 2}, std::pair{ActivationType::kFloat32, 7},
            std::pair{ActivationType::kFloat32, 13}, std::pair{ActivationType::kInt8, 13}}) {
        Rng rng(7);
        const PackedMatrix w = RandomWeights(codec, kRows, kCols, rng);
        const std::vector<float> rows = RandomRows(batch, kCols, rng);
        std::vector<float> first;
        for (const int threads : {1, 2, 3}) {
          ThreadPool pool(threads);
          Activations x;
          x.Set(rows.data(), batch, kCols, kCols, type, pool);
          std::vector<float> y(Index(batch * kRows));
          MatMul(w, x, y.data(), kRows, pool);
          if (first.empty()) first = y;
          ASSERT_EQ(std::memcmp(first.data(), y.data(), y.size() * 4), 0)
              << codec->name() << " threads " << threads;
          for (int64_t b = 0; b < batch; ++b) {
            x.Set(rows.data() + b * kCols, 1, kCols, kCols, type, pool);
            std::vector<float> alone(Index(kRows));
            MatMul(w, x, alone.data(), kRows, pool);
            ASSERT_EQ(std::memcmp(first.data() + b * kRows, alone.data(), alone.size() * 4), 0)
                << codec->name() << " row " << b << " alone";
          }
        }
      }
    }
  });
}

TEST(MatMul, SeveralProductsInOnePassEqualEachAlone) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    Rng rng(3);
    constexpr int64_t kCols = 96, kBatch = 4;
    const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
    Activations x;
    x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kInt8, pool);
    std::vector<PackedMatrix> matrices;
    std::vector<std::vector<float>> together, alone;
    std::vector<Product> products;
    int64_t height = 1;
    for (const Codec* codec : TestedCodecs()) {
      matrices.push_back(RandomWeights(codec, height, kCols, rng));
      together.emplace_back(Index(height * kBatch));
      height = height * 2 + 1;
    }
    for (size_t i = 0; i < matrices.size(); ++i) {
      products.push_back({&matrices[i], together[i].data(), matrices[i].rows});
    }
    MatMul(products, x, pool);
    for (size_t i = 0; i < matrices.size(); ++i) {
      std::vector<float> y(together[i].size());
      MatMul(matrices[i], x, y.data(), matrices[i].rows, pool);
      EXPECT_EQ(y, together[i]) << matrices[i].codec->name();
    }
  });
}

TEST(MatMul, CodecWithoutAKernelIsDecodedByTheCodec) {
  const Codec* codec = FindCodec("gguf-q4_1");
  if (codec == nullptr) GTEST_SKIP() << "codec gguf-q4_1 is not registered";
  ForEachKernelSet([codec] {
    ThreadPool pool(2);
    Rng rng(5);
    constexpr int64_t kRows = 35, kCols = 96, kBatch = 3;
    PackedMatrix w = RandomMatrix(codec, kRows, kCols, rng);
    auto* codes = const_cast<std::byte*>(w.codes.data());
    for (size_t i = 0; i < w.codes.size(); i += 20) {  // two finite halves before 16 bytes of codes
      const uint16_t halves[2] = {FloatToHalf(0.5f), FloatToHalf(-2.0f)};
      std::memcpy(codes + i, halves, 4);
    }
    const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
    Activations x;
    x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kInt8, pool);
    std::vector<float> y(Index(kRows * kBatch));
    MatMul(w, x, y.data(), kRows, pool);
    std::vector<float> decoded(Index(kCols));
    for (int64_t r = 0; r < kRows; ++r) {
      codec->DecodeRow(w, r, decoded);
      for (int64_t b = 0; b < kBatch; ++b) {
        const Expected e = FloatProduct(decoded, x, b);
        ASSERT_NEAR(y[Index(b * kRows + r)], e.value, Bound(e.magnitude, kCols));
      }
    }
  });
}

// y = W R D S x for every codec: the product of the stored weights with the transformed row.
TEST(MatMul, InputTransformsGoOverTheActivationsOfEveryCodec) {
  ForEachKernelSet([] {
    ThreadPool pool(2);
    constexpr int64_t kRows = 20, kCols = 192, kBatch = 3;
    for (const Codec* codec : TestedCodecs()) {
      Rng rng(8);
      std::vector<std::byte> buffer;
      PackedMatrix w = RandomWeights(codec, kRows, kCols, rng);
      w.input = RandomTransform(kCols, rng, buffer);
      const std::vector<float> rows = RandomRows(kBatch, kCols, rng);
      Activations x;
      x.Set(rows.data(), kBatch, kCols, kCols, ActivationType::kFloat32, pool, w.input);
      ASSERT_TRUE(x.transform() == w.input);
      std::vector<float> y(Index(kBatch * kRows)), decoded(Index(kCols)), scratch(Index(kCols));
      MatMul(w, x, y.data(), kRows, pool);
      for (int64_t b = 0; b < kBatch; ++b) {
        std::vector<float> row(rows.begin() + b * kCols, rows.begin() + (b + 1) * kCols);
        ApplyInputTransform(w.input, row, scratch);
        for (int64_t c = 0; c < kCols; ++c) ASSERT_EQ(x.floats(b)[c], row[Index(c)]);
        for (int64_t r = 0; r < kRows; ++r) {
          codec->DecodeRow(w, r, decoded);
          const Expected e = FloatProduct(decoded, x, b);
          ASSERT_NEAR(y[Index(b * kRows + r)], e.value, Bound(e.magnitude, kCols)) << codec->name();
        }
      }
    }
  });
}

TEST(MatMulDeathTest, ActivationsOfAnotherTransformAreRefused) {
  Rng rng(8);
  ThreadPool pool(1);
  std::vector<std::byte> buffer;
  PackedMatrix w = RandomMatrix(FindCodec("int4-g64"), 3, 64, rng);
  w.input = RandomTransform(64, rng, buffer);
  const std::vector<float> row = RandomRows(1, 64, rng);
  Activations x;
  x.Set(row.data(), 1, 64, 64, ActivationType::kInt8, pool);
  float y[3];
  EXPECT_DEATH(MatMul(w, x, y, 3, pool), "transform");
}

}  // namespace
}  // namespace crumb

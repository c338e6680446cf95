// On a machine with a GPU: products against float64. Without one, tests skip and say why.
#include "cuda/cuda_matmul.h"

#include <gtest/gtest.h>

#include <cstring>

#include "codecs/binary_row.h"
#include "cuda/launch.h"
#include "cuda/testing_product.h"
#include "kernels/testing_matrices.h"

namespace crumb {
namespace {

class CudaMatMulTest : public testing::Test {
 protected:
  void SetUp() override {
    const Result<CudaDevice> device = FindCudaDevice();
    if (!device.ok()) GTEST_SKIP() << "skipped: " << device.status().message();
  }
};

std::vector<const Codec*> TestedCodecs() {
  std::vector<const Codec*> codecs = {Float16Codec(), BinaryRowCodec()};
  for (const Codec* codec : AllCodecs()) {
    if (AsGroupInt(codec) != nullptr || AsTrellis(codec) != nullptr) codecs.push_back(codec);
  }
  return codecs;
}

PackedMatrix TestedMatrix(const Codec* codec, int64_t rows, int64_t cols, Rng& rng) {
  return codec == Float16Codec() ? RandomWeights(codec, rows, cols, rng)
                                 : RandomMatrix(codec, rows, cols, rng);
}

struct Shape {
  int64_t rows, cols, batch;
};

// One row, one column, rows around the tiles, batches around passes, and shapes of real models
// (many splits).
constexpr Shape kShapes[] = {{1, 1, 1},      {1, 64, 1},     {33, 200, 4},   {65, 130, 8},
                             {81, 576, 1},   {129, 100, 9},  {257, 70, 33},  {576, 1536, 1},
                             {576, 1536, 5}, {300, 8192, 1}, {300, 8192, 16}};

void CheckProduct(const Codec* codec, const Shape& shape, ActivationType type, LaneFloats floats) {
  Rng rng(static_cast<uint64_t>(shape.rows * 1000 + shape.cols));
  ThreadPool pool(1);
  const PackedMatrix w = TestedMatrix(codec, shape.rows, shape.cols, rng);
  const std::vector<float> rows = RandomRows(shape.batch, shape.cols, rng);
  Activations x;
  x.Set(rows.data(), shape.batch, shape.cols, shape.cols, type, pool);
  const auto matrix = CudaMatrix::Upload(w);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  const auto device_rows = CudaRows::Upload(x, floats);
  ASSERT_TRUE(device_rows.ok()) << device_rows.status().message();
  const int64_t stride = shape.rows + 3;
  std::vector<float> y(Index(shape.batch * stride), -77.0f);
  const Status status = CudaMatMul(*matrix, *device_rows, y.data(), stride);
  ASSERT_TRUE(status.ok()) << status.message();
  const ExpectedProducts expected(w, x, x.int8() && codec != Float16Codec(), floats);
  for (int64_t r = 0; r < shape.rows; ++r) {
    const std::vector<ExpectedProduct> row = expected.Row(r);
    for (int64_t b = 0; b < shape.batch; ++b) {
      ASSERT_NEAR(y[Index(b * stride + r)], row[Index(b)].value, row[Index(b)].bound)
          << codec->name() << " row " << r << " of " << shape.rows << " x " << shape.cols
          << ", batch " << b << " of " << shape.batch;
    }
  }
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t r = shape.rows; r < stride; ++r) ASSERT_EQ(y[Index(b * stride + r)], -77.0f);
  }
}

TEST_F(CudaMatMulTest, Int8ProductsAreWithinRoundingOfFloat64) {
  for (const Codec* codec : TestedCodecs()) {
    for (const Shape& shape : kShapes) {
      CheckProduct(codec, shape, ActivationType::kInt8, LaneFloats::kSplit);
    }
  }
}

TEST_F(CudaMatMulTest, FloatProductsAreWithinRoundingOfFloat64) {
  for (const Codec* codec : TestedCodecs()) {
    for (const Shape& shape : kShapes) {
      CheckProduct(codec, shape, ActivationType::kFloat32, LaneFloats::kFloat16);
      CheckProduct(codec, shape, ActivationType::kFloat32, LaneFloats::kSplit);
    }
  }
}

TEST_F(CudaMatMulTest, TheSameProductGivesTheSameBits) {
  Rng rng(8);
  ThreadPool pool(1);
  const PackedMatrix w = RandomMatrix(Trellis2Codec(), 300, 8192, rng);
  const std::vector<float> rows = RandomRows(3, 8192, rng);
  Activations x;
  x.Set(rows.data(), 3, 8192, 8192, ActivationType::kInt8, pool);
  const auto matrix = CudaMatrix::Upload(w);
  const auto device_rows = CudaRows::Upload(x);
  ASSERT_TRUE(matrix.ok() && device_rows.ok());
  std::vector<float> first(900), again(900);
  ASSERT_TRUE(CudaMatMul(*matrix, *device_rows, first.data(), 300).ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(CudaMatMul(*matrix, *device_rows, again.data(), 300).ok());
    ASSERT_EQ(std::memcmp(first.data(), again.data(), first.size() * sizeof(float)), 0);
  }
}

TEST_F(CudaMatMulTest, RefusesActivationsOfAnotherTransformOrWidth) {
  Rng rng(9);
  ThreadPool pool(1);
  std::vector<std::byte> buffer;
  PackedMatrix w = RandomMatrix(Trellis2Codec(), 64, 128, rng);
  w.input = RandomTransform(128, rng, buffer);
  const std::vector<float> rows = RandomRows(1, 128, rng);
  const auto matrix = CudaMatrix::Upload(w);
  ASSERT_TRUE(matrix.ok()) << matrix.status().message();
  std::vector<float> y(64);
  for (const int64_t cols : {int64_t{128}, int64_t{64}}) {
    Activations x;
    x.Set(rows.data(), 1, cols, cols, ActivationType::kInt8, pool);
    const auto device_rows = CudaRows::Upload(x);
    ASSERT_TRUE(device_rows.ok());
    EXPECT_EQ(CudaMatMul(*matrix, *device_rows, y.data(), 64).code(), StatusCode::kInvalidArgument);
  }
  Activations x;
  x.Set(rows.data(), 1, 128, 128, ActivationType::kInt8, pool, w.input);
  const auto device_rows = CudaRows::Upload(x);
  ASSERT_TRUE(device_rows.ok());
  EXPECT_TRUE(CudaMatMul(*matrix, *device_rows, y.data(), 64).ok());
}

// Without a GPU every call says so; with one, the device is described.
TEST(CudaDevice, IsThereOrSaysWhyNot) {
  const Result<CudaDevice> device = FindCudaDevice();
  if (device.ok()) {
    EXPECT_GE(device->major, 8);
    EXPECT_GT(device->multiprocessors, 0);
    EXPECT_NE(DescribeCudaDevice().find(device->name), std::string::npos);
    return;
  }
  EXPECT_EQ(device.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(DescribeCudaDevice(), device.status().message());
  EXPECT_EQ(device.status().message().substr(0, BuiltWithCuda() ? 14 : 19),
            BuiltWithCuda() ? "no CUDA device" : "not built with CUDA");
  Rng rng(1);
  const auto matrix = CudaMatrix::Upload(RandomMatrix(Trellis2Codec(), 8, 64, rng));
  ASSERT_FALSE(matrix.ok());
  EXPECT_EQ(matrix.status().message(), device.status().message());
}

TEST(LaunchShape, FillsTheGpuWithoutIdleWarpsAndKeepsToItsLimits) {
  for (const bool trellis : {false, true}) {
    const BlockShape block = ShapeOfBlock(trellis);
    for (const int64_t tiles : {1, 9, 32, 64, 112, 448, 512}) {
      for (const int64_t groups : {1, 9, 24, 224, 448}) {
        for (const int64_t columns : {1, 8, 33}) {
          const LaunchShape shape = ShapeOfLaunch(tiles, groups, columns, block, 132);
          EXPECT_EQ(shape.tiles, tiles);
          EXPECT_EQ(shape.passes, (columns + 7) / 8);
          EXPECT_GE(shape.splits, 1);
          EXPECT_LE(shape.splits, kMostSplits);
          // Each item but that of a very short row has a group for every warp, or nearly.
          EXPECT_LT((shape.splits - 1) * block.warps, groups);
          EXPECT_LE(shape.blocks, shape.items());
          EXPECT_LE(shape.blocks, 132 * block.on_multiprocessor);
          // One pass over long rows leaves no more than a fifth of the GPU idle.
          if (groups < 224 || tiles < 9 || columns > 1) continue;
          const int64_t rounds = (shape.items() + shape.blocks - 1) / shape.blocks;
          EXPECT_GE(5 * shape.items(), 4 * rounds * 132 * block.on_multiprocessor)
              << tiles << " " << groups << " " << columns << ": " << shape.splits;
        }
      }
    }
  }
}

}  // namespace
}  // namespace crumb

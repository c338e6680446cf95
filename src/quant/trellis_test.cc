#include "quant/trellis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/float_codecs.h"
#include "codecs/trellis.h"
#include "kernels/rotation.h"
#include "quant/trellis_rows.h"
#include "quant/trellis_search.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

struct Shape {
  int64_t rows, cols;
};
constexpr Shape kShapes[] = {{192, 576}, {100, 640}, {7, 70}, {1, 64}, {5, 1}, {3, 514}};

std::vector<float> Gaussian(int64_t n, uint64_t seed, double sigma) {
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = static_cast<float>(rng.Gaussian() * sigma);
  return values;
}

// Inputs x_t = 0.9 x_{t-1} + noise along the columns, of uneven sizes: strongly correlated.
SecondMoments CorrelatedMoments(int64_t cols) {
  SecondMoments moments;
  moments.cols = cols;
  moments.count = 1;
  moments.hessian.resize(static_cast<size_t>(cols * cols));
  const auto size = [](int64_t c) { return 0.5 + static_cast<double>(c * 7 % 10) / 5; };
  for (int64_t i = 0; i < cols; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      moments.hessian[static_cast<size_t>(i * cols + j)] = static_cast<float>(
          size(i) * size(j) * std::pow(0.9, static_cast<double>(std::abs(i - j))));
    }
  }
  return moments;
}

SecondMoments WhiteMoments(int64_t cols) {
  SecondMoments moments;
  moments.cols = cols;
  moments.count = 1;
  moments.hessian.assign(static_cast<size_t>(cols * cols), 0.0f);
  for (int64_t i = 0; i < cols; ++i) moments.hessian[static_cast<size_t>(i * cols + i)] = 1;
  return moments;
}

Result<PackedMatrix> Quantize(const PackedMatrix& weights, int bits,
                              const SecondMoments* moments = nullptr, int threads = 1,
                              std::span<const float> importance = {}) {
  ThreadPool pool(threads);
  const QuantizeInput input = {
      .weights = &weights, .moments = moments, .row_importance = importance, .seed = 7};
  return TrellisQuantizer()->Quantize(input, *FindCodec("trellis" + std::to_string(bits)), pool);
}

double RelativeLoss(const PackedMatrix& weights, const PackedMatrix& packed,
                    const SecondMoments& moments) {
  ThreadPool pool(1);
  return MeasureOutputLoss(weights, packed, moments, {}, pool).relative();
}

std::string Bytes(const PackedMatrix& m) {
  std::string all;
  for (const auto part : {m.codes, m.scales, m.zeros, m.table, m.input.signs, m.input.scales}) {
    all.append(reinterpret_cast<const char*>(part.data()), part.size());
  }
  return all;
}

class TrellisEach : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Bits, TrellisEach, testing::Values(1, 2, 3, 4));

TEST_P(TrellisEach, EveryShapeIsValidAndNearTheLimit) {
  for (const Shape shape : kShapes) {
    const PackedMatrix weights = PackFloats(Float32Codec(), shape.rows, shape.cols,
                                            Gaussian(shape.rows * shape.cols, 3, 0.02));
    const Result<PackedMatrix> packed = Quantize(weights, GetParam());
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    ASSERT_TRUE(ValidateMatrix(packed.value()).ok());
    EXPECT_EQ(packed.value().input.signs.empty(), !RotationSupports(shape.cols));
    const double loss = RelativeLoss(weights, packed.value(), WhiteMoments(shape.cols));
    // No code of R bits comes below 2^(-2R); short columns and single rows lose some of the gain,
    // but never what a sign alone would leave. (A few weights may be matched better by luck.)
    const double limit = std::exp2(-2.0 * GetParam());
    if (shape.rows * shape.cols >= 10000) {
      EXPECT_GT(loss, limit) << shape.rows << " x " << shape.cols;
      EXPECT_LT(loss, 2.0 * limit) << shape.rows << " x " << shape.cols;
    } else {
      EXPECT_LT(loss, 0.6) << shape.rows << " x " << shape.cols;
    }
  }
}

TEST_P(TrellisEach, FeedbackNeverRaisesTheLoss) {
  for (const Shape shape : {Shape{192, 576}, Shape{100, 320}}) {
    const PackedMatrix weights = PackFloats(Float32Codec(), shape.rows, shape.cols,
                                            Gaussian(shape.rows * shape.cols, 4, 0.02));
    const SecondMoments moments = CorrelatedMoments(shape.cols);
    const double blind = RelativeLoss(weights, Quantize(weights, GetParam()).value(), moments);
    const double fed =
        RelativeLoss(weights, Quantize(weights, GetParam(), &moments).value(), moments);
    EXPECT_LT(fed, blind);
    // With H = 1 there is nothing to feed.
    const SecondMoments white = WhiteMoments(shape.cols);
    EXPECT_NEAR(RelativeLoss(weights, Quantize(weights, GetParam(), &white).value(), white),
                RelativeLoss(weights, Quantize(weights, GetParam()).value(), white), 1e-3);
  }
}

TEST_P(TrellisEach, RefittedScalesAreTheBestForTheirCodes) {
  const PackedMatrix weights = PackFloats(Float32Codec(), 40, 128, Gaussian(40 * 128, 5, 0.02));
  const SecondMoments moments = CorrelatedMoments(128);
  PackedMatrix packed = Quantize(weights, GetParam(), &moments).value();
  const double best = RelativeLoss(weights, packed, moments);
  for (const float factor : {0.98f, 1.02f}) {
    std::vector<std::byte> scales(packed.scales.begin(), packed.scales.end());
    for (size_t i = 0; i < scales.size(); i += 2) {
      uint16_t half;
      std::memcpy(&half, scales.data() + i, 2);
      half = FloatToHalf(HalfToFloat(half) * factor);
      std::memcpy(scales.data() + i, &half, 2);
    }
    PackedMatrix changed = packed;
    changed.scales = scales;
    EXPECT_GT(RelativeLoss(weights, changed, moments), best);
  }
}

TEST_P(TrellisEach, SameBytesForAnyNumberOfThreads) {
  const PackedMatrix weights = PackFloats(Float32Codec(), 500, 192, Gaussian(500 * 192, 6, 0.02));
  const SecondMoments moments = CorrelatedMoments(192);
  const std::string one = Bytes(Quantize(weights, GetParam(), &moments, 1).value());
  EXPECT_EQ(one, Bytes(Quantize(weights, GetParam(), &moments, 2).value()));
  EXPECT_EQ(one, Bytes(Quantize(weights, GetParam(), &moments, 3).value()));
}

TEST_P(TrellisEach, CodesOfMoreThanOneChunkGoOnWhereTheLastEnded) {
  constexpr int64_t kRows = 3200;
  const PackedMatrix weights = PackFloats(Float32Codec(), kRows, 8, Gaussian(kRows * 8, 6, 0.02));
  const PackedMatrix packed = Quantize(weights, GetParam()).value();
  const double limit = std::exp2(-2.0 * GetParam());
  double worst = 0;
  for (const int64_t first : {int64_t{0}, int64_t{3060}}) {
    // The rows around the cut at row 3072 are no worse than others.
    double error = 0;
    double signal = 0;
    std::vector<float> exact(8), scratch(8), coded(8);
    for (int64_t r = first; r < first + 140; ++r) {
      weights.codec->DecodeRow(weights, r, exact);
      packed.codec->DecodeRow(packed, r, coded);
      UndoInputTransformOfRow(packed.input, coded, scratch);
      for (size_t c = 0; c < 8; ++c) {
        error += (exact[c] - coded[c]) * (exact[c] - coded[c]);
        signal += exact[c] * exact[c];
      }
    }
    worst = std::max(worst, error / signal);
  }
  EXPECT_LT(worst, 2.0 * limit);
}

TEST_P(TrellisEach, CodedWeightsAreKeptExactly) {
  // The weights that a trellis matrix stands for, coded again with its own scales, are a path with
  // no error: the search must find it (or one of the same values).
  const TrellisCodec& codec = *AsTrellis(FindCodec("trellis" + std::to_string(GetParam())));
  Rng rng(9);
  std::vector<float> targets(300);
  std::vector<uint32_t> states(targets.size());
  TrellisSearch search(codec.bits(), StateValues(codec, codec.default_tables()));
  uint32_t state = 0;
  for (float& target : targets) {
    const auto symbol = static_cast<uint32_t>(rng.Below(uint64_t{1} << codec.bits()));
    state = (state << codec.bits() | symbol) & ((1u << search.state_bits()) - 1);
    target = search.values()[state];
  }
  ThreadPool pool(1);
  search.FindColumn(targets, std::vector<float>(targets.size(), 1.0f), 0, pool, states);
  double error = 0;
  for (size_t r = 0; r < targets.size(); ++r) {
    error += std::abs(search.values()[states[r]] - targets[r]);
  }
  EXPECT_EQ(error, 0);
}

TEST_P(TrellisEach, DecodedRowsAreTheSearchsValues) {
  // One column, no rotation of one number: what the search sees is what is stored.
  const int64_t rows = 250;
  const std::vector<float> values = Gaussian(rows, 10, 0.02);
  const TrellisCodec& codec = *AsTrellis(FindCodec("trellis" + std::to_string(GetParam())));
  TrellisProblem problem;
  problem.codec = &codec;
  problem.weights = values;
  problem.rows = rows;
  problem.cols = 1;
  std::vector<float> scales(static_cast<size_t>(rows),
                            static_cast<float>(0.02 / codec.sigma_in_steps()));
  const std::vector<float> search_scales = scales;
  std::vector<std::byte> codes(static_cast<size_t>(codec.SizeOf(rows, 1).codes));
  ThreadPool pool(1);
  CodeRows(problem, scales, codes.data(), pool);

  TrellisSearch search(codec.bits(), StateValues(codec, codec.default_tables()));
  std::vector<float> targets(values.size());
  for (size_t r = 0; r < targets.size(); ++r) targets[r] = values[r] / search_scales[r];
  std::vector<uint32_t> states(values.size());
  search.FindColumn(targets, search_scales, 0, pool, states);

  std::vector<std::byte> ones(static_cast<size_t>(2 * rows));
  for (size_t i = 0; i < ones.size(); i += 2) {
    const uint16_t one = FloatToHalf(1.0f);
    std::memcpy(ones.data() + i, &one, 2);
  }
  PackedMatrix matrix = {.codec = &codec, .rows = rows, .cols = 1};
  matrix.codes = codes;
  matrix.scales = ones;
  matrix.table = std::as_bytes(codec.default_tables());
  ASSERT_TRUE(codec.Validate(matrix).ok());
  for (int64_t r = 0; r < rows; ++r) {
    float value = 0;
    codec.DecodeRow(matrix, r, std::span(&value, 1));
    ASSERT_EQ(value, search.values()[states[static_cast<size_t>(r)]]) << "row " << r;
  }
}

TEST_P(TrellisEach, ZerosStayZeros) {
  std::vector<float> values = Gaussian(8 * 64, 11, 0.02);
  std::fill_n(values.begin() + 3 * 64, 64, 0.0f);
  const PackedMatrix weights = PackFloats(Float32Codec(), 8, 64, values);
  const PackedMatrix packed = Quantize(weights, GetParam()).value();
  std::vector<float> row(64);
  packed.codec->DecodeRow(packed, 3, row);
  EXPECT_EQ(row, std::vector<float>(64, 0.0f));

  const PackedMatrix nothing = PackFloats(Float32Codec(), 8, 64, std::vector<float>(8 * 64, 0.0f));
  const SecondMoments moments = CorrelatedMoments(64);
  const Result<PackedMatrix> zero = Quantize(nothing, GetParam(), &moments);
  ASSERT_TRUE(zero.ok());
  for (int64_t r = 0; r < 8; ++r) {
    zero.value().codec->DecodeRow(zero.value(), r, row);
    EXPECT_EQ(row, std::vector<float>(64, 0.0f));
  }
}

TEST_P(TrellisEach, ImportantRowsAreCodedBetter) {
  const PackedMatrix weights = PackFloats(Float32Codec(), 64, 128, Gaussian(64 * 128, 12, 0.02));
  std::vector<float> importance(64);
  for (size_t r = 0; r < 64; ++r) importance[r] = r % 2 == 0 ? 1.0f : 0.05f;
  const SecondMoments white = WhiteMoments(128);
  ThreadPool pool(1);
  const auto loss = [&](const PackedMatrix& packed) {
    return MeasureOutputLoss(weights, packed, white, importance, pool).relative();
  };
  EXPECT_LT(loss(Quantize(weights, GetParam(), nullptr, 1, importance).value()),
            0.95 * loss(Quantize(weights, GetParam()).value()));
}

TEST(Trellis, BadInputIsRefusedWithCounts) {
  std::vector<float> values = Gaussian(4 * 64, 13, 0.02);
  values[70] = std::numeric_limits<float>::quiet_NaN();
  values[71] = std::numeric_limits<float>::infinity();
  const Result<PackedMatrix> bad = Quantize(PackFloats(Float32Codec(), 4, 64, values), 2);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(bad.status().message(), HasSubstr("2 of 256 weights"));
  EXPECT_THAT(bad.status().message(), HasSubstr("row 1"));

  const PackedMatrix large = PackFloats(Float32Codec(), 2, 64, std::vector<float>(2 * 64, 1e8f));
  const Result<PackedMatrix> overflow = Quantize(large, 2);
  ASSERT_FALSE(overflow.ok());
  EXPECT_EQ(overflow.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(overflow.status().message(), HasSubstr("too large for the float16"));

  const PackedMatrix good = PackFloats(Float32Codec(), 2, 64, Gaussian(2 * 64, 1, 1));
  const SecondMoments other = WhiteMoments(65);
  EXPECT_EQ(Quantize(good, 2, &other).status().code(), StatusCode::kInvalidArgument);
  SecondMoments broken = WhiteMoments(64);
  broken.hessian[5] = std::numeric_limits<float>::quiet_NaN();
  const Result<PackedMatrix> refused = Quantize(good, 2, &broken);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), StatusCode::kNumerics);
  ThreadPool pool(1);
  EXPECT_EQ(TrellisQuantizer()
                ->Quantize({.weights = &good}, *FindCodec("int4-g64"), pool)
                .status()
                .code(),
            StatusCode::kUnsupported);
}

TEST(Trellis, RotatedWeightsAreReadBackFirst) {
  // Coding a coded matrix again, under another seed: both are measured as plain weights.
  const PackedMatrix weights = PackFloats(Float32Codec(), 64, 192, Gaussian(64 * 192, 15, 0.02));
  const PackedMatrix first = Quantize(weights, 4).value();
  ThreadPool pool(1);
  const PackedMatrix second =
      TrellisQuantizer()->Quantize({.weights = &first, .seed = 8}, *Trellis4Codec(), pool).value();
  EXPECT_NE(Bytes(first), Bytes(second));
  EXPECT_LT(RelativeLoss(first, second, WhiteMoments(192)), 2 * std::exp2(-8.0));
}

TEST(Trellis, SingularMomentsAndDeadColumnsWork) {
  const PackedMatrix weights = PackFloats(Float32Codec(), 20, 70, Gaussian(20 * 70, 14, 0.02));
  SecondMoments one_direction =
      WhiteMoments(70);  // all inputs along (1, ..., 1) but one dead column
  for (int64_t i = 0; i < 70; ++i) {
    for (int64_t j = 0; j < 70; ++j) {
      one_direction.hessian[static_cast<size_t>(i * 70 + j)] = i == 9 || j == 9 ? 0.0f : 1.0f;
    }
  }
  const Result<PackedMatrix> packed = Quantize(weights, 2, &one_direction);
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  EXPECT_TRUE(ValidateMatrix(packed.value()).ok());
  EXPECT_LT(RelativeLoss(weights, packed.value(), one_direction), 0.05);
}

TEST(Trellis, WidthsNameTheirCodecs) {
  const Quantizer* trellis = FindQuantizer("trellis");
  ASSERT_EQ(trellis, TrellisQuantizer());
  for (const char* width : {"1", "2", "3", "4"}) {
    EXPECT_EQ(trellis->CodecForWidth(width), FindCodec(std::string("trellis") + width));
  }
  EXPECT_EQ(trellis->CodecForWidth("8"), nullptr);
  EXPECT_EQ(trellis->CodecForWidth("1.58"), nullptr);
}

}  // namespace
}  // namespace crumb

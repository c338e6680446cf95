#include "quant/gptq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "quant/clip.h"
#include "quant/methods_for_test.h"
#include "quant/row_errors.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

// Losses are sums of float32 products; 1e-5 is far above their rounding and far below any claim.
constexpr double kRounding = 1e-5;

TEST(Gptq, ErrorNeverExceedsRounding) {
  for (const int64_t count : {20, 500}) {  // singular, regular
    const PackedMatrix weights = FloatMatrix(40, 200, 3);
    const SecondMoments moments = CorrelatedMoments(200, count, 4);
    for (const char* codec :
         {"int4-g64", "int3-g64", "int2-g64", "int1-g64", "ternary-g64", "binary-row"}) {
      const double rounded =
          LossOf(weights, QuantizeOrDie("clip", weights, &moments, codec), moments);
      const double fed = LossOf(weights, QuantizeOrDie("gptq", weights, &moments, codec), moments);
      EXPECT_LE(fed, rounded * (1 + kRounding)) << codec << " " << count;
    }
  }
}

TEST(Gptq, ARowThatFeedbackMakesWorseKeepsItsRounding) {
  // At one bit feedback often loses on weights that hardly vary; every single row is compared.
  const int64_t rows = 64;
  const PackedMatrix weights = FloatMatrix(rows, 96, 13);
  const SecondMoments moments = CorrelatedMoments(96, 30, 14);
  const PackedMatrix rounded = QuantizeOrDie("clip", weights, &moments, "int1-g64");
  const PackedMatrix fed = QuantizeOrDie("gptq", weights, &moments, "int1-g64");
  ThreadPool pool(1);
  for (size_t r = 0; r < 64; ++r) {
    std::vector<float> only(64, 0.0f);
    only[r] = 1;
    const double before = MeasureOutputLoss(weights, rounded, moments, only, pool).error;
    const double after = MeasureOutputLoss(weights, fed, moments, only, pool).error;
    EXPECT_LE(after, before * (1 + kRounding)) << r;
  }
}

TEST(Gptq, CorrelatedInputsGainMuch) {
  const PackedMatrix weights = FloatMatrix(32, 256, 3);
  const SecondMoments moments = CorrelatedMoments(256, 800, 4);
  const double rounded =
      LossOf(weights, QuantizeOrDie("clip", weights, &moments, "int3-g64"), moments);
  const double fed = LossOf(weights, QuantizeOrDie("gptq", weights, &moments, "int3-g64"), moments);
  // Four shared directions carry most of every column but a sixteenth; they can be made up for.
  EXPECT_LT(fed, 0.7 * rounded);
}

TEST(Gptq, BlocksChangeNothing) {
  // The recursion written out without blocks, on a width of more than one block.
  const int64_t cols = 300;
  const PackedMatrix weights = FloatMatrix(3, cols, 21);
  const SecondMoments moments = CorrelatedMoments(cols, 700, 22);
  const Codec& codec = *FindCodec("int3-g64");
  ThreadPool pool(1);
  const std::vector<float> values = GaussianValues(3 * cols, 21);
  GroupRows rows =
      SearchAndRound(weights, codec, values, ColumnCosts(&moments, cols), pool).value();
  GroupRows expected = rows;
  const Feedback feedback = MakeFeedback(moments, {}).value();
  const auto n = static_cast<size_t>(cols);
  for (int64_t r = 0; r < 3; ++r) {
    std::vector<double> work(values.begin() + r * cols, values.begin() + (r + 1) * cols);
    for (size_t i = 0; i < n; ++i) {
      const auto column = static_cast<size_t>(feedback.order[i]);
      const GroupValues group = rows.Values(r, static_cast<int64_t>(column) / 64);
      const uint8_t level = group.Round(static_cast<float>(work[column]));
      expected.RowLevels(r)[column] = level;
      const double e = work[column] - group.Value(level);
      for (size_t j = i + 1; j < n; ++j) {
        work[static_cast<size_t>(feedback.order[j])] -= e * feedback.factors[i * n + j];
      }
    }
  }
  RoundWithFeedback(values, feedback, rows, pool);
  // A weight that lies between two levels up to rounding may go either way, and the weights behind
  // it then differ; that happens in few rows or none.
  int64_t different = 0;
  for (size_t i = 0; i < rows.levels.size(); ++i) different += rows.levels[i] != expected.levels[i];
  EXPECT_LE(different, cols / 10);
}

class EveryMethod : public testing::TestWithParam<const char*> {
 protected:
  std::vector<std::string> Codecs() const {
    std::vector<std::string> names;
    for (const char* name : {"int4-g64", "int2-g64", "int1-g64", "ternary-g64", "binary-row"}) {
      if (FindQuantizer(GetParam())->Supports(*FindCodec(name))) names.emplace_back(name);
    }
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod,
                         testing::Values("clip", "gptq", "ldlq", "rotated", "ternary", "binary",
                                         "awq"),
                         [](const auto& method) { return std::string(method.param); });

TEST_P(EveryMethod, GivesTheSameBytesWithOneTwoAndThreeThreads) {
  const PackedMatrix weights = FloatMatrix(70, 160, 31);
  const SecondMoments moments = CorrelatedMoments(160, 400, 32);
  for (const std::string& codec : Codecs()) {
    const std::string one = AllBytes(QuantizeOrDie(GetParam(), weights, &moments, codec, 1));
    for (const int threads : {2, 3}) {
      EXPECT_TRUE(one == AllBytes(QuantizeOrDie(GetParam(), weights, &moments, codec, threads)))
          << codec << " with " << threads << " threads";
    }
  }
}

TEST_P(EveryMethod, TakesMatricesOfZerosOneRowAndOddWidths) {
  for (const int64_t cols : {1, 7, 64, 100}) {
    const SecondMoments moments = CorrelatedMoments(cols, 2 * cols + 5, 8);
    const PackedMatrix zeros = PackFloats(Float32Codec(), 2, cols,
                                          std::vector<float>(static_cast<size_t>(2 * cols), 0.0f));
    const PackedMatrix row = FloatMatrix(1, cols, 9);
    // What a row of zeros in its place would lose; rounding without feedback promises nothing
    // there.
    const std::string_view name = GetParam();
    const bool feeds = name != "clip" && name != "awq";
    for (const std::string& codec : Codecs()) {
      EXPECT_EQ(LossOf(zeros, QuantizeOrDie(GetParam(), zeros, &moments, codec), moments), 0.0);
      ThreadPool pool(1);
      const PackedMatrix packed = QuantizeOrDie(GetParam(), row, &moments, codec);
      const OutputLoss loss = MeasureOutputLoss(row, packed, moments, {}, pool);
      EXPECT_LT(loss.error, (feeds ? 1.0 : 4.0) * loss.signal) << codec << " " << cols;
    }
  }
}

TEST_P(EveryMethod, SurvivesDeadColumnsAndASingularHessian) {
  SecondMoments moments = CorrelatedMoments(128, 10, 8);
  for (size_t i = 0; i < 128; ++i) {
    for (size_t j = 60; j < 70; ++j)
      moments.hessian[i * 128 + j] = moments.hessian[j * 128 + i] = 0;
  }
  const PackedMatrix weights = FloatMatrix(5, 128, 10);
  for (const std::string& codec : Codecs()) {
    const PackedMatrix packed = QuantizeOrDie(GetParam(), weights, &moments, codec);
    EXPECT_TRUE(std::isfinite(LossOf(weights, packed, moments))) << codec;
  }
}

TEST_P(EveryMethod, RefusesNanWeightsNanMomentsAndOtherWidths) {
  ThreadPool pool(1);
  const Quantizer& method = *FindQuantizer(GetParam());
  const Codec& codec = *FindCodec(Codecs().front());
  const SecondMoments moments = CorrelatedMoments(64, 100, 1);
  std::vector<float> values = GaussianValues(2 * 64, 3);
  const PackedMatrix good = PackFloats(Float32Codec(), 2, 64, values);
  values[70] = std::numeric_limits<float>::quiet_NaN();
  const PackedMatrix bad = PackFloats(Float32Codec(), 2, 64, values);

  Result<PackedMatrix> result =
      method.Quantize({.weights = &bad, .moments = &moments}, codec, pool);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(result.status().message(), HasSubstr("1 of 128 weights"));

  SecondMoments broken = moments;
  broken.hessian[5] = std::numeric_limits<float>::infinity();
  result = method.Quantize({.weights = &good, .moments = &broken}, codec, pool);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(result.status().message(), HasSubstr("1 of 4096 second moments"));

  const SecondMoments other = CorrelatedMoments(32, 100, 1);
  result = method.Quantize({.weights = &good, .moments = &other}, codec, pool);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);

  result = method.Quantize({.weights = &good}, codec, pool);
  EXPECT_EQ(result.ok(), !method.needs_moments());
  if (!result.ok()) {
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(method.Quantize({.weights = &good, .moments = &moments}, *Float32Codec(), pool)
                .status()
                .code(),
            StatusCode::kUnsupported);
}

TEST_P(EveryMethod, NamesTheRowOfWeightsBeyondFloat16) {
  ThreadPool pool(1);
  std::vector<float> values = GaussianValues(3 * 64, 3);
  for (size_t c = 0; c < 64; ++c) values[64 + c] = 1e7f;
  const PackedMatrix weights = PackFloats(Float32Codec(), 3, 64, values);
  const SecondMoments moments = CorrelatedMoments(64, 200, 1);
  const Result<PackedMatrix> result = FindQuantizer(GetParam())
                                          ->Quantize({.weights = &weights, .moments = &moments},
                                                     *FindCodec(Codecs().front()), pool);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kNumerics);
  EXPECT_THAT(result.status().message(), HasSubstr("row 1"));
}

}  // namespace
}  // namespace crumb

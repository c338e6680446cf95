#include "quant/mixed_plan_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "codecs/codec.h"
#include "quant/dense.h"
#include "quant/quantizer.h"

namespace crumb {
namespace {

using testing::HasSubstr;

// A matrix of Gaussian weights whose rows have different sizes and importances, and inputs that are
// correlated with a few strong columns.
struct Case {
  NamedMatrix matrix;
  MatrixSensitivity sensitivity;
  SecondMoments moments;
};

Case MakeCase(int64_t rows, int64_t cols, uint64_t seed, ThreadPool& pool) {
  Rng rng(seed);
  Case c;
  std::vector<float> weights(static_cast<size_t>(rows * cols));
  for (int64_t r = 0; r < rows; ++r) {
    const double size = 0.5 + rng.Uniform();
    for (int64_t i = 0; i < cols; ++i) {
      weights[static_cast<size_t>(r * cols + i)] = static_cast<float>(size * rng.Gaussian());
    }
    c.sensitivity.row_importance.push_back(static_cast<float>(std::exp(rng.Gaussian())));
  }
  c.matrix = {"model.layers.0.mlp.down_proj.weight", MatrixRole::kDown, 0,
              Float32Matrix(rows, cols, std::move(weights))};
  MomentsAccumulator sums(cols);
  std::vector<float> x(static_cast<size_t>(cols));
  for (int64_t i = 0; i < 4 * cols; ++i) {
    double previous = rng.Gaussian();
    for (size_t k = 0; k < x.size(); ++k) {
      previous = 0.9 * previous + 0.4 * rng.Gaussian();
      x[k] = static_cast<float>(previous * (k % 17 == 0 ? 8 : 1));
    }
    sums.Add(x.data(), 1, cols, pool);
  }
  c.moments = sums.Finish().value();
  return c;
}

PackedMatrix Quantized(const Case& c, const MatrixChoice& choice, ThreadPool& pool) {
  QuantizeInput input;
  input.weights = &c.matrix.matrix;
  input.moments = &c.moments;
  input.seed = 12;
  Result<PackedMatrix> packed =
      FindQuantizer(choice.method)->Quantize(input, *FindCodec(choice.codec), pool);
  EXPECT_TRUE(packed.ok()) << packed.status().message();
  return *std::move(packed);
}

// The closed form knows nothing of the weights but the sizes of rows; how 160 rows and 192 columns
// of Gaussian weights turn out differs by some percent. It also leaves out what the first rows
// lose, whose codes have no history to choose from: much for 1 and 3 bits under moments like these.
TEST(EstimateOption, ClosedFormOfTrellisCodesAgreesWithMeasuredLoss) {
  ThreadPool pool(2);
  const Case c = MakeCase(160, 192, 1, pool);
  for (const char* codec : {"trellis2", "trellis4"}) {
    SCOPED_TRACE(codec);
    const MatrixChoice choice = {"trellis", codec};
    const PackedMatrix packed = Quantized(c, choice, pool);
    const double predicted = PredictLoss(c.sensitivity, c.matrix.matrix, packed, &c.moments, pool);
    const Result<WidthOption> option =
        EstimateOption(c.matrix, c.sensitivity, &c.moments, choice, pool);
    ASSERT_TRUE(option.ok()) << option.status().message();
    RecordProperty(codec, std::to_string(option->loss / predicted));
    EXPECT_NEAR(option->loss / predicted, 1, 0.2);
    EXPECT_EQ(option->bytes, StoredBytes(packed));
  }
}

TEST(EstimateOption, OtherMethodsOfFewRowsAreMeasuredExactly) {
  ThreadPool pool(2);
  const Case c = MakeCase(50, 128, 2, pool);
  for (const MatrixChoice& choice :
       {MatrixChoice{"rtn", "int3-g64"}, MatrixChoice{"gptq", "int3-g64"}}) {
    SCOPED_TRACE(choice.method);
    const PackedMatrix packed = Quantized(c, choice, pool);
    const double predicted = PredictLoss(c.sensitivity, c.matrix.matrix, packed, &c.moments, pool);
    const Result<WidthOption> option =
        EstimateOption(c.matrix, c.sensitivity, &c.moments, choice, pool);
    ASSERT_TRUE(option.ok()) << option.status().message();
    EXPECT_NEAR(option->loss / predicted, 1, 1e-6);
    EXPECT_EQ(option->bytes, StoredBytes(packed));
  }
}

// 64 of 400 rows of like kind: the mean of their relative errors, each right to about 10 %.
TEST(EstimateOption, SomeRowsStandForAll) {
  ThreadPool pool(2);
  const Case c = MakeCase(400, 128, 3, pool);
  const MatrixChoice choice = {"rtn", "int3-g64"};
  const PackedMatrix packed = Quantized(c, choice, pool);
  const double predicted = PredictLoss(c.sensitivity, c.matrix.matrix, packed, &c.moments, pool);
  const Result<WidthOption> option =
      EstimateOption(c.matrix, c.sensitivity, &c.moments, choice, pool);
  ASSERT_TRUE(option.ok());
  EXPECT_NEAR(option->loss / predicted, 1, 0.1);
}

// A table that is only looked up, every row equally often: no moments are needed.
TEST(EstimateOption, LookupsCountTheErrorsOfTheirRows) {
  ThreadPool pool(2);
  Case c = MakeCase(160, 128, 4, pool);
  c.sensitivity.row_importance.clear();
  c.sensitivity.lookup_share.assign(160, 1.0f / 160);
  c.sensitivity.lookup_importance.assign(128, 0.5f);
  for (const MatrixChoice& choice :
       {MatrixChoice{"trellis", "trellis3"}, MatrixChoice{"rtn", "int4-g64"}}) {
    SCOPED_TRACE(choice.codec);
    QuantizeInput input;
    input.weights = &c.matrix.matrix;
    const PackedMatrix packed =
        FindQuantizer(choice.method)->Quantize(input, *FindCodec(choice.codec), pool).value();
    const double predicted = PredictLoss(c.sensitivity, c.matrix.matrix, packed, nullptr, pool);
    const Result<WidthOption> option =
        EstimateOption(c.matrix, c.sensitivity, nullptr, choice, pool);
    ASSERT_TRUE(option.ok()) << option.status().message();
    EXPECT_NEAR(option->loss / predicted, 1, 0.2);
  }
}

TEST(EstimateOption, RefusesWhatNoMethodMakes) {
  ThreadPool pool(1);
  const Case c = MakeCase(8, 64, 5, pool);
  for (const MatrixChoice& choice : {MatrixChoice{"rtn", "trellis2"},
                                     MatrixChoice{"no", "int4-g64"}, MatrixChoice{"rtn", "no"}}) {
    const Status status =
        EstimateOption(c.matrix, c.sensitivity, &c.moments, choice, pool).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(choice.codec));
  }
}

}  // namespace
}  // namespace crumb

// Gradients of packed models: of the rows' factors, of norms and biases, under distillation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/rng.h"
#include "codecs/codec.h"
#include "kernels/testing_matrices.h"
#include "model/backward.h"
#include "model/model_test_util.h"

namespace crumb {
namespace {

using model_test::LoadOrFail;
using model_test::TestData;

constexpr const char* kCodecs[] = {"trellis2", "int4-g64", "binary-row", "trellis3", "ternary-g64"};

// Random bits with scales such that outputs are about as large as inputs, and, for every other
// matrix, an input transform.
PackedMatrix RandomPacked(const Codec* codec, const PackedMatrix& shape, bool transform, Rng& rng) {
  PackedMatrix m = RandomMatrix(codec, shape.rows, shape.cols, rng);
  double squares = 0;
  std::vector<float> row(static_cast<size_t>(m.cols));
  for (int64_t r = 0; r < m.rows; ++r) {
    codec->DecodeRow(m, r, row);
    for (const float w : row) squares += static_cast<double>(w) * w;
  }
  const double factor = std::sqrt(static_cast<double>(m.rows) / squares);
  struct Owned {
    std::vector<std::byte> scales, transform;
    std::shared_ptr<const void> rest;
  };
  const auto owned = std::make_shared<Owned>();
  owned->rest = m.owner;
  owned->scales.assign(m.scales.begin(), m.scales.end());
  for (size_t i = 0; i + 1 < owned->scales.size(); i += 2) {
    uint16_t half;
    std::memcpy(&half, owned->scales.data() + i, 2);
    half = FloatToHalf(static_cast<float>(HalfToFloat(half) * factor));
    std::memcpy(owned->scales.data() + i, &half, 2);
  }
  m.scales = owned->scales;
  if (transform) m.input = RandomTransform(m.cols, rng, owned->transform);
  m.owner = owned;
  return m;
}

// The test model of a family with random packed matrices in place of its own.
std::unique_ptr<Model> PackedModel(const char* family) {
  std::unique_ptr<Model> model = LoadOrFail(TestData(family), "f32");
  if (model == nullptr) return nullptr;
  Rng rng(3);
  size_t i = 0;
  for (const NamedMatrix& named : model->matrices()) {
    const Codec* codec = FindCodec(kCodecs[i % std::size(kCodecs)]);
    PackedMatrix packed = RandomPacked(codec, named.matrix, i % 2 == 0, rng);
    EXPECT_TRUE(ValidateMatrix(packed).ok()) << named.name;
    *model->MutableMatrix(named.name) = std::move(packed);
    ++i;
  }
  return model;
}

std::vector<int32_t> RandomTokens(const Model& model, size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(rng.Below(static_cast<uint64_t>(model.config().vocabulary_size)));
  }
  return tokens;
}

// Agreement with a float model on one window.
class Agreement {
 public:
  Agreement(const Model& teacher, std::vector<int32_t> window, double text_share)
      : window_(std::move(window)) {
    ThreadPool pool(1);
    logits_ = model_test::AllLogits(*model_test::ExactSession(teacher, pool), window_);
    const int64_t vocabulary = teacher.config().vocabulary_size;
    distillation_.logits = [this, vocabulary](int64_t first, int64_t count, float* to) {
      std::copy_n(logits_.data() + first * vocabulary, count * vocabulary, to);
    };
    distillation_.text_share = text_share;
  }

  const std::vector<int32_t>& window() const { return window_; }
  const Distillation& distillation() const { return distillation_; }

  double Loss(const Model& model, ThreadPool& pool) const {
    const auto backward = Backward::Create(model, pool);
    EXPECT_TRUE(backward.ok()) << backward.status().message();
    const Result<DistillationLoss> loss = (*backward)->Measure(window_, distillation_);
    EXPECT_TRUE(loss.ok()) << loss.status().message();
    const double share = distillation_.text_share;
    return (1 - share) * loss->divergence + share * loss->text;
  }

 private:
  std::vector<int32_t> window_;
  std::vector<float> logits_;
  Distillation distillation_;
};

// d (sum of losses) / d log(factor of a row), and d / d tensor, by name.
using Slopes = std::map<std::string, std::vector<double>>;

Slopes SlopesOf(const Model& model, const Agreement& agreement, ThreadPool& pool,
                int64_t keep_bytes = 0) {
  Slopes slopes;
  const auto on_matrix = [&](const MatrixGradient& g) {
    const PackedMatrix& m = g.matrix->matrix;
    std::vector<double>& sums = slopes[g.matrix->name];
    sums.resize(static_cast<size_t>(m.rows), 0.0);
    std::vector<float> row(static_cast<size_t>(m.cols));
    for (int64_t t = 0; t < g.tokens; ++t) {
      if (g.lookup) {
        const int32_t token = agreement.window()[static_cast<size_t>(g.first_token + t)];
        GatherRows(m, std::span(&token, 1), row.data());
        for (int64_t c = 0; c < m.cols; ++c) {
          sums[static_cast<size_t>(token)] +=
              static_cast<double>(row[static_cast<size_t>(c)]) * g.values[t * m.cols + c];
        }
        continue;
      }
      ASSERT_NE(g.outputs, nullptr) << g.matrix->name;
      for (int64_t r = 0; r < m.rows; ++r) {
        sums[static_cast<size_t>(r)] +=
            static_cast<double>(g.values[t * m.rows + r]) * g.outputs[t * m.rows + r];
      }
    }
  };
  const auto on_tensor = [&](const TensorGradient& g) {
    std::vector<double>& sums = slopes[g.tensor->name];
    sums.resize(g.tensor->values.size(), 0.0);
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += g.values[i];
  };
  const auto backward = Backward::Create(model, pool, keep_bytes);
  EXPECT_TRUE(backward.ok()) << backward.status().message();
  const auto loss =
      (*backward)->Distill(agreement.window(), agreement.distillation(), on_matrix, on_tensor);
  EXPECT_TRUE(loss.ok()) << loss.status().message();
  return slopes;
}

// A step along a slope by which the mean loss rises by kRise where the slope is right.
constexpr double kRise = 1e-3;

double StepOf(const std::vector<double>& slope, size_t tokens) {
  double squares = 0;
  for (const double s : slope) squares += s * s;
  EXPECT_GT(squares, 0);
  return kRise * static_cast<double>(tokens - 1) / squares;
}

// `loss_at(n)`: after n steps. The difference of four points (Fornberg 1988) leaves a fifth
// derivative: where one step bends the loss by a tenth, 1e-3. Losses of size 5 are right to 1e-6,
// the quotient to twice that over kRise.
template <typename F>
void ExpectRise(F loss_at) {
  const double inner = loss_at(1) - loss_at(-1);
  const double outer = loss_at(2) - loss_at(-2);
  EXPECT_NEAR((8 * inner - outer) / (12 * kRise), 1, 5e-3);
}

// The weights of a matrix as float32 in the same input transform, each row by its own factor.
PackedMatrix WithRowFactors(const PackedMatrix& m, const std::vector<double>& slope, double step,
                            std::vector<float>& values) {
  const auto cols = static_cast<size_t>(m.cols);
  values.resize(static_cast<size_t>(m.rows) * cols);
  for (size_t r = 0; r < slope.size(); ++r) {
    const std::span<float> row = std::span(values).subspan(r * cols, cols);
    m.codec->DecodeRow(m, static_cast<int64_t>(r), row);
    const double factor = std::exp(step * slope[r]);
    for (float& w : row) w = static_cast<float>(w * factor);
  }
  PackedMatrix changed = m;
  changed.codec = FindCodec("f32");
  changed.codes = std::as_bytes(std::span<const float>(values));
  changed.scales = {};
  changed.zeros = {};
  changed.table = {};
  return changed;
}

class TuningGradients : public testing::TestWithParam<const char*> {};

TEST_P(TuningGradients, OfRowFactorsAgreeWithFiniteDifferences) {
  const auto teacher = LoadOrFail(TestData(GetParam()), "f32");
  const auto model = PackedModel(GetParam());
  ASSERT_NE(model, nullptr);
  ThreadPool pool(1);
  const Agreement agreement(*teacher, RandomTokens(*model, 24, 7), 0.3);
  const Slopes slopes = SlopesOf(*model, agreement, pool);
  for (const NamedMatrix& named : model->matrices()) {
    SCOPED_TRACE(named.name);
    ASSERT_TRUE(slopes.contains(named.name));
    const std::vector<double>& slope = slopes.at(named.name);
    const double step = StepOf(slope, agreement.window().size());
    const PackedMatrix original = named.matrix;
    ExpectRise([&](double steps) {
      std::vector<float> values;
      *model->MutableMatrix(named.name) = WithRowFactors(original, slope, steps * step, values);
      return agreement.Loss(*model, pool);
    });
    *model->MutableMatrix(named.name) = original;
  }
}

TEST_P(TuningGradients, OfNormsAndBiasesAgreeWithFiniteDifferences) {
  const auto teacher = LoadOrFail(TestData(GetParam()), "f32");
  const auto model = PackedModel(GetParam());
  ASSERT_NE(model, nullptr);
  ThreadPool pool(1);
  const Agreement agreement(*teacher, RandomTokens(*model, 24, 8), 0);
  const Slopes slopes = SlopesOf(*model, agreement, pool);
  for (const NamedTensor& named : model->tensors()) {
    if (named.shape.size() != 1) continue;  // a table of positions
    SCOPED_TRACE(named.name);
    ASSERT_TRUE(slopes.contains(named.name));
    const std::vector<double>& slope = slopes.at(named.name);
    // Moving all keys alike moves all scores of a query alike: nothing is left but rounding.
    if (named.name.ends_with("k_proj.bias") && GetParam() == std::string("gpt2")) continue;
    const double step = StepOf(slope, agreement.window().size());
    const std::vector<float> original = named.values;
    const std::span<float> values = model->MutableTensor(named.name);
    ExpectRise([&](double steps) {
      for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(original[i] + steps * step * slope[i]);
      }
      return agreement.Loss(*model, pool);
    });
    std::copy(original.begin(), original.end(), values.begin());
  }
}

TEST_P(TuningGradients, DoNotDependOnTheThreads) {
  const auto teacher = LoadOrFail(TestData(GetParam()), "f32");
  const auto model = PackedModel(GetParam());
  ASSERT_NE(model, nullptr);
  const Agreement agreement(*teacher, RandomTokens(*model, 30, 9), 0.5);
  ThreadPool one(1);
  ThreadPool three(3);
  EXPECT_EQ(SlopesOf(*model, agreement, one), SlopesOf(*model, agreement, three));
}

TEST_P(TuningGradients, AreThoseOfKeptActivations) {
  const auto teacher = LoadOrFail(TestData(GetParam()), "f32");
  const auto model = PackedModel(GetParam());
  ASSERT_NE(model, nullptr);
  const Agreement agreement(*teacher, RandomTokens(*model, 30, 13), 0.5);
  ThreadPool pool(1);
  const int64_t room = int64_t{1} << 30;
  EXPECT_EQ(SlopesOf(*model, agreement, pool, room), SlopesOf(*model, agreement, pool));
}

TEST_P(TuningGradients, ModelAgreesWithItself) {
  const auto model = LoadOrFail(TestData(GetParam()), "f32");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(1);
  const Agreement agreement(*model, RandomTokens(*model, 30, 10), 0);
  // Two float32 computations of logits of size 10 differ by 1e-5, and KL by squares of that; but
  // its terms are summed in float32, each right to 1e-7.
  EXPECT_NEAR(agreement.Loss(*model, pool), 0, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Families, TuningGradients,
                         testing::Values("llama", "qwen2", "gemma3", "gpt2"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Distillation, OfTextAloneIsTheLossOfText) {
  const auto teacher = LoadOrFail(TestData("llama"), "f32");
  const auto model = PackedModel("llama");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(1);
  const Agreement agreement(*teacher, RandomTokens(*model, 30, 11), 1);
  const auto backward = Backward::Create(*model, pool).value();
  std::map<std::string, std::vector<float>> distilled, plain;
  const auto keep = [](auto& to) {
    return [&to](const MatrixGradient& g) {
      const int64_t width = g.lookup ? g.matrix->matrix.cols : g.matrix->matrix.rows;
      to[g.matrix->name].assign(g.values, g.values + g.tokens * width);
    };
  };
  const auto loss =
      backward->Distill(agreement.window(), agreement.distillation(), keep(distilled), nullptr);
  ASSERT_TRUE(loss.ok());
  const auto text = backward->Run(agreement.window(), LossKind::kText, 1, keep(plain));
  ASSERT_TRUE(text.ok());
  EXPECT_NEAR(loss->text, *text, 1e-6);
  ASSERT_EQ(distilled.size(), plain.size());
  for (const auto& [name, values] : plain) {
    SCOPED_TRACE(name);
    double squares = 0;
    for (const float v : values) squares += static_cast<double>(v) * v;
    const double typical = std::sqrt(squares / static_cast<double>(values.size()));
    EXPECT_LT(model_test::LargestDifference(values, distilled.at(name)), 1e-4 * typical);
  }
}

TEST(Distillation, MeasuresWhatItTeaches) {
  const auto teacher = LoadOrFail(TestData("gemma3"), "f32");
  const auto model = PackedModel("gemma3");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(1);
  const Agreement agreement(*teacher, RandomTokens(*model, 30, 12), 0);
  const auto backward = Backward::Create(*model, pool).value();
  const auto measured = backward->Measure(agreement.window(), agreement.distillation());
  const auto taught =
      backward->Distill(agreement.window(), agreement.distillation(), nullptr, nullptr);
  ASSERT_TRUE(measured.ok() && taught.ok());
  EXPECT_EQ(measured->divergence, taught->divergence);
  EXPECT_EQ(measured->text, taught->text);
  EXPECT_GT(measured->divergence, 0);
}

}  // namespace
}  // namespace crumb

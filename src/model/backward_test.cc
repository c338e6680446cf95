// Gradients against finite differences on small models of every family, and against PyTorch.
#include "model/backward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "base/rng.h"
#include "codecs/codec.h"
#include "model/forward.h"
#include "model/model_test_util.h"

namespace crumb {
namespace {

using model_test::TestData;
using testing::HasSubstr;

std::vector<int32_t> RandomTokens(const Model& model, size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<int32_t> tokens(count);
  for (int32_t& token : tokens) {
    token = static_cast<int32_t>(rng.Below(static_cast<uint64_t>(model.config().vocabulary_size)));
  }
  return tokens;
}

std::unique_ptr<Backward> BackwardOrFail(const Model& model, ThreadPool& pool) {
  Result<std::unique_ptr<Backward>> backward = Backward::Create(model, pool);
  EXPECT_TRUE(backward.ok()) << backward.status().message();
  return backward.ok() ? *std::move(backward) : nullptr;
}

double LossOf(const Model& model, std::span<const int32_t> window, ThreadPool& pool) {
  const auto backward = BackwardOrFail(model, pool);
  const Result<double> loss = backward->Run(window, LossKind::kText, 1, nullptr);
  EXPECT_TRUE(loss.ok()) << loss.status().message();
  return loss.ok() ? *loss : NAN;
}

// Gradients by name, tokens x width; a look-up has "lookup" before its name.
using Gradients = std::map<std::string, std::vector<float>>;

Gradients GradientsOf(const Model& model, std::span<const int32_t> window, LossKind kind,
                      uint64_t seed, ThreadPool& pool) {
  Gradients all;
  const auto backward = BackwardOrFail(model, pool);
  const auto visit = [&](const MatrixGradient& g) {
    const int64_t width = g.lookup ? g.matrix->matrix.cols : g.matrix->matrix.rows;
    std::vector<float>& to = all[(g.lookup ? "lookup " : "") + g.matrix->name];
    EXPECT_EQ(std::ssize(to), g.first_token * width) << g.matrix->name;
    to.insert(to.end(), g.values, g.values + g.tokens * width);
  };
  const Result<double> loss = backward->Run(window, kind, seed, visit);
  EXPECT_TRUE(loss.ok()) << loss.status().message();
  return all;
}

// The inputs of all matrices, by layer (the head: number of layers) and slot.
using Inputs = std::map<std::pair<int64_t, InputSlot>, std::vector<float>>;

Inputs InputsOf(const Model& model, std::span<const int32_t> window, ThreadPool& pool) {
  const ModelConfig& c = model.config();
  const ModelWeights weights = FindWeights(model);
  const int64_t rows = std::ssize(window);
  Forward forward(c, pool, ActivationType::kFloat32);
  KvCache cache = KvCache::Create(KvShape::Exact(c, 1, rows)).value();
  Inputs inputs;
  const auto buffer = [&](int64_t layer, InputSlot slot, int64_t width) {
    std::vector<float>& values = inputs[{layer, slot}];
    values.resize(static_cast<size_t>(rows * width));
    return values.data();
  };
  std::vector<float> x(static_cast<size_t>(rows * c.hidden_size));
  forward.Begin(0, rows);
  forward.Embed(weights, window, x.data());
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
    float* attention_in = buffer(layer, InputSlot::kAttention, c.hidden_size);
    float* output_in = buffer(layer, InputSlot::kOutput, c.query_size());
    float* mlp_in = buffer(layer, InputSlot::kMlp, c.hidden_size);
    float* down_in = buffer(layer, InputSlot::kDown, c.intermediate_size);
    forward.AttentionInput(w, x.data(), attention_in);
    forward.Attend(w, layer, attention_in, cache, 0, output_in);
    forward.FinishAttention(w, output_in, x.data());
    forward.MlpInput(w, x.data(), mlp_in);
    forward.MlpInner(w, mlp_in, down_in);
    forward.FinishMlp(w, down_in, x.data());
  }
  forward.HeadInput(weights, x.data(), rows, buffer(c.layers, InputSlot::kHead, c.hidden_size));
  return inputs;
}

// d loss / d weights of a matrix from the gradients of its outputs: sum over tokens of g_t x_t^T,
// and, for an embedding table, the gradients of the rows that were looked up.
std::vector<double> WeightGradient(const Model& model, const NamedMatrix& named,
                                   std::span<const int32_t> window, const Gradients& gradients,
                                   const Inputs& inputs) {
  const auto rows = static_cast<size_t>(named.matrix.rows);
  const auto cols = static_cast<size_t>(named.matrix.cols);
  std::vector<double> sum(rows * cols, 0.0);
  if (named.role != MatrixRole::kEmbedding || model.config().tied_head) {
    const bool block = named.layer >= 0;
    const auto& x = block ? inputs.at({named.layer, SlotOf(named.role)})
                          : inputs.at({model.config().layers, InputSlot::kHead});
    const std::vector<float>& g = gradients.at(named.name);
    for (size_t t = 0; t < g.size() / rows; ++t) {
      for (size_t r = 0; r < rows; ++r) {
        for (size_t c = 0; c < cols; ++c) {
          sum[r * cols + c] += static_cast<double>(g[t * rows + r]) * x[t * cols + c];
        }
      }
    }
  }
  if (named.role == MatrixRole::kEmbedding) {
    const std::vector<float>& g = gradients.at("lookup " + named.name);
    for (size_t t = 0; t < window.size(); ++t) {
      for (size_t c = 0; c < cols; ++c) {
        sum[static_cast<size_t>(window[t]) * cols + c] += g[t * cols + c];
      }
    }
  }
  return sum;
}

// Gives a matrix other float32 weights while it lives.
class Perturbed {
 public:
  Perturbed(const Model& model, const NamedMatrix& named)
      : matrix_(const_cast<PackedMatrix&>(*model.FindMatrix(named.name))), original_(matrix_) {
    weights_.resize(static_cast<size_t>(matrix_.rows * matrix_.cols));
    const auto cols = static_cast<size_t>(matrix_.cols);
    for (size_t r = 0; r < static_cast<size_t>(matrix_.rows); ++r) {
      original_.codec->DecodeRow(original_, static_cast<int64_t>(r),
                                 std::span(weights_).subspan(r * cols, cols));
    }
    matrix_.codec = FindCodec("f32");
    matrix_.codes = std::as_bytes(std::span<const float>(weights_));
  }
  ~Perturbed() { matrix_ = original_; }
  void Add(std::span<const double> direction, double step) {
    for (size_t i = 0; i < weights_.size(); ++i) {
      weights_[i] += static_cast<float>(step * direction[i]);
    }
  }

 private:
  PackedMatrix& matrix_;
  const PackedMatrix original_;
  std::vector<float> weights_;
};

// For each matrix the derivative of the loss along its gradient is that of a finite difference. A
// mean loss of size 5 is right to about 1e-6, so the quotient of a difference of 2e-2 to 1e-4; the
// third derivative adds the square of the step.
void ExpectFiniteDifferences(const Model& model) {
  ThreadPool pool(2);
  const std::vector<int32_t> window = RandomTokens(model, 24, 7);
  const Gradients gradients = GradientsOf(model, window, LossKind::kText, 1, pool);
  const Inputs inputs = InputsOf(model, window, pool);
  const double positions = static_cast<double>(window.size() - 1);
  for (const NamedMatrix& named : model.matrices()) {
    SCOPED_TRACE(named.name);
    std::vector<double> slope = WeightGradient(model, named, window, gradients, inputs);
    double squares = 0;
    for (const double s : slope) squares += s * s;
    ASSERT_GT(squares, 0);
    // A step of `rise` along slope / |slope|^2 * positions raises the mean loss by `rise`.
    const double rise = 1e-2;
    for (double& s : slope) s *= positions / squares;
    Perturbed perturbed(model, named);
    perturbed.Add(slope, rise);
    const double above = LossOf(model, window, pool);
    perturbed.Add(slope, -2 * rise);
    const double below = LossOf(model, window, pool);
    EXPECT_NEAR((above - below) / (2 * rise), 1, 5e-3);
  }
}

class GradientsOfFamily : public testing::TestWithParam<const char*> {};

TEST_P(GradientsOfFamily, AgreeWithFiniteDifferences) {
  const auto model = model_test::LoadOrFail(TestData(GetParam()), "f32");
  ASSERT_NE(model, nullptr);
  ExpectFiniteDifferences(*model);
}

// No small model of the families has them: a cap on the logits, windows shorter than the text, and
// a GELU with the error function.
TEST(Backward, AgreesWithFiniteDifferencesUnderOtherOptions) {
  const auto model = model_test::LoadOrFail(TestData("gemma3"), "f32");
  ASSERT_NE(model, nullptr);
  auto& config = const_cast<ModelConfig&>(model->config());
  config.logit_softcap = 4;
  config.window = 5;
  config.activation = Activation::kGeluErf;
  ExpectFiniteDifferences(*model);
}

TEST_P(GradientsOfFamily, DoNotDependOnTheThreads) {
  const auto model = model_test::LoadOrFail(TestData(GetParam()), "f16");
  ASSERT_NE(model, nullptr);
  const std::vector<int32_t> window = RandomTokens(*model, 30, 8);
  ThreadPool one(1);
  ThreadPool three(3);
  EXPECT_EQ(GradientsOf(*model, window, LossKind::kSampled, 5, one),
            GradientsOf(*model, window, LossKind::kSampled, 5, three));
}

TEST_P(GradientsOfFamily, LossIsThatOfTheSession) {
  const auto model = model_test::LoadOrFail(TestData(GetParam()), "f32");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  const std::vector<int32_t> window = RandomTokens(*model, 40, 9);
  const auto session = model_test::ExactSession(*model, pool);
  const std::vector<float> logits = model_test::AllLogits(*session, window);
  const auto vocabulary = static_cast<size_t>(model->config().vocabulary_size);
  double sum = 0;
  for (size_t t = 0; t + 1 < window.size(); ++t) {
    const std::span<const float> row(logits.data() + t * vocabulary, vocabulary);
    const double largest = *std::max_element(row.begin(), row.end());
    double total = 0;
    for (const float logit : row) total += std::exp(logit - largest);
    sum += std::log(total) + largest - row[static_cast<size_t>(window[t + 1])];
  }
  // Float32 logits of size 10 in sums of another order.
  EXPECT_NEAR(LossOf(*model, window, pool), sum / static_cast<double>(window.size() - 1), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(Families, GradientsOfFamily,
                         testing::Values("llama", "qwen2", "gemma3", "gpt2"),
                         [](const auto& test) { return std::string(test.param); });

// E[(p_r - 1[y = r])^2] = p_r (1 - p_r) where y is drawn from p: the second moments over many draws
// of the head's gradients are the Fisher information of the softmax.
TEST(Backward, SampledHeadGradientsHaveTheSecondMomentsOfTheSoftmax) {
  const auto model = model_test::LoadOrFail(TestData("llama"), "f32");
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  const std::vector<int32_t> window = RandomTokens(*model, 6, 10);
  const auto vocabulary = static_cast<size_t>(model->config().vocabulary_size);
  const auto session = model_test::ExactSession(*model, pool);
  const std::vector<float> logits = model_test::AllLogits(*session, window);
  constexpr int kDraws = 400;
  double measured = 0;
  for (int draw = 0; draw < kDraws; ++draw) {
    const Gradients g =
        GradientsOf(*model, window, LossKind::kSampled, static_cast<uint64_t>(draw), pool);
    for (const float v : g.at("lm_head.weight")) measured += static_cast<double>(v) * v;
  }
  double expected = 0;
  for (size_t t = 0; t + 1 < window.size(); ++t) {
    const std::span<const float> row(logits.data() + t * vocabulary, vocabulary);
    double total = 0;
    for (const float logit : row) total += std::exp(logit);
    for (const float logit : row) {
      const double p = std::exp(logit) / total;
      expected += p * (1 - p);
    }
  }
  // Each of the 2000 squares |p - e_y|^2 lies in [0, 2], mostly near 1: standard error below 0.5 %
  // of the mean where its deviation is below 0.2; four of them.
  EXPECT_NEAR(measured / kDraws / expected, 1, 0.02);
}

TEST(Backward, SameSeedSameDrawsOtherSeedOthers) {
  const auto model = model_test::LoadOrFail(TestData("llama"), "f32");
  ThreadPool pool(1);
  const std::vector<int32_t> window = RandomTokens(*model, 20, 11);
  const Gradients a = GradientsOf(*model, window, LossKind::kSampled, 1, pool);
  EXPECT_EQ(a, GradientsOf(*model, window, LossKind::kSampled, 1, pool));
  EXPECT_NE(a, GradientsOf(*model, window, LossKind::kSampled, 2, pool));
}

TEST(Backward, RefusesWindowsThatCanNotBe) {
  const auto model = model_test::LoadOrFail(TestData("gpt2"), "f32");
  ThreadPool pool(1);
  const auto backward = BackwardOrFail(*model, pool);
  const auto run = [&](const std::vector<int32_t>& window) {
    return backward->Run(window, LossKind::kText, 1, nullptr).status();
  };
  EXPECT_EQ(run({1}).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(run({1, 99999}).message(), HasSubstr("outside the vocabulary"));
  EXPECT_THAT(run({-1, 1}).message(), HasSubstr("outside the vocabulary"));
  EXPECT_THAT(run(std::vector<int32_t>(65, 1)).message(), HasSubstr("64 tokens"));
}

// Norms of the gradients of every matrix's outputs by PyTorch's autograd
// (tools/make_gradient_fixtures.py).
TEST(Backward, AgreesWithPyTorchOnBabyLlama) {
  const std::string path = model_test::SharedModel("babyllama-tok105-0.94M");
  if (path.empty()) GTEST_SKIP() << "BabyLlama is not beside CRUMB_DATA";
  const auto model = model_test::LoadOrFail(path, "f32");
  ASSERT_NE(model, nullptr);
  const Json expected = model_test::LoadJson("babyllama_gradients.json");
  const auto window = expected["tokens"].get<std::vector<int32_t>>();
  ThreadPool pool(2);
  EXPECT_NEAR(LossOf(*model, window, pool), expected["loss"].get<double>(), 1e-5);
  const Gradients gradients = GradientsOf(*model, window, LossKind::kText, 1, pool);
  EXPECT_EQ(gradients.size(), expected["gradients"].size());
  for (const auto& [name, values] : gradients) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(expected["gradients"].contains(name));
    const Json& reference = expected["gradients"][name];
    double squares = 0;
    for (const float v : values) squares += static_cast<double>(v) * v;
    const double norm = reference["norm"].get<double>();
    EXPECT_NEAR(std::sqrt(squares), norm, 1e-4 * norm);
    const auto some = reference["values"].get<std::vector<float>>();  // every `stride`-th
    const auto stride = reference["stride"].get<size_t>();
    const double typical = norm / std::sqrt(static_cast<double>(values.size()));
    for (size_t i = 0; i < some.size(); ++i) {
      EXPECT_NEAR(values[i * stride], some[i], 1e-3 * typical + 1e-4 * std::abs(some[i]));
    }
  }
}

}  // namespace
}  // namespace crumb

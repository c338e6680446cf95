#include "quant/sensitivity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "base/files.h"
#include "base/rng.h"
#include "base/temporary_folder_for_test.h"
#include "codecs/codec.h"
#include "model/forward.h"
#include "model/session.h"
#include "quant/dense.h"

namespace crumb {
namespace {

using testing::HasSubstr;

std::unique_ptr<Model> TinyModel(const std::string& family) {
  Result<std::unique_ptr<Model>> model = Model::Load(
      std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/" + family, {.decode_to = "f32"});
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *std::move(model) : nullptr;
}

std::vector<std::vector<int32_t>> RandomWindows(const Model& model, size_t count, size_t size) {
  Rng rng(3);
  std::vector<std::vector<int32_t>> windows(count, std::vector<int32_t>(size));
  for (auto& window : windows) {
    for (int32_t& token : window) {
      token =
          static_cast<int32_t>(rng.Below(static_cast<uint64_t>(model.config().vocabulary_size)));
    }
  }
  return windows;
}

Sensitivity MeasureOrFail(const Model& model, std::span<const std::vector<int32_t>> windows,
                          const SensitivityOptions& options, ThreadPool& pool) {
  Result<Sensitivity> result = MeasureSensitivity(model, "abc", windows, options, pool, nullptr);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *std::move(result) : Sensitivity();
}

// Second moments of the inputs of the MLP of one layer: of gate and up, and of down.
struct MlpMoments {
  SecondMoments input;
  SecondMoments inner;
};

MlpMoments MomentsOfMlp(const Model& model, std::span<const std::vector<int32_t>> windows,
                        int64_t layer, ThreadPool& pool) {
  const ModelConfig& c = model.config();
  const ModelWeights weights = FindWeights(model);
  MomentsAccumulator input(c.hidden_size);
  MomentsAccumulator inner(c.intermediate_size);
  for (const auto& window : windows) {
    const int64_t rows = std::ssize(window);
    Forward forward(c, pool, ActivationType::kFloat32);
    KvCache cache = KvCache::Create(KvShape::Exact(c, 1, rows)).value();
    const auto buffer = [&](int64_t width) {
      return std::vector<float>(static_cast<size_t>(rows * width));
    };
    std::vector<float> x = buffer(c.hidden_size);
    std::vector<float> hidden = buffer(c.hidden_size);
    std::vector<float> attention = buffer(c.query_size());
    std::vector<float> mlp = buffer(c.intermediate_size);
    forward.Begin(0, rows);
    forward.Embed(weights, window, x.data());
    for (int64_t l = 0; l <= layer; ++l) {
      const LayerWeights& w = weights.layers[static_cast<size_t>(l)];
      forward.AttentionInput(w, x.data(), hidden.data());
      forward.Attend(w, l, hidden.data(), cache, 0, attention.data());
      forward.FinishAttention(w, attention.data(), x.data());
      forward.MlpInput(w, x.data(), hidden.data());
      forward.MlpInner(w, hidden.data(), mlp.data());
      forward.FinishMlp(w, mlp.data(), x.data());
    }
    input.Add(hidden.data(), rows, c.hidden_size, pool);
    inner.Add(mlp.data(), rows, c.intermediate_size, pool);
  }
  return {input.Finish().value(), inner.Finish().value()};
}

std::vector<double> Probabilities(const Model& model, std::span<const int32_t> window,
                                  ThreadPool& pool) {
  auto session = Session::Create(
      model, pool,
      {.max_tokens = 64, .activations = ActivationType::kFloat32, .kv = KvType::kFloat32});
  std::vector<float> logits;
  EXPECT_TRUE((*session)->Forward(window, std::ssize(window), &logits).ok());
  const auto vocabulary = static_cast<size_t>(model.config().vocabulary_size);
  std::vector<double> p(logits.begin(), logits.end());
  for (size_t t = 0; t < window.size(); ++t) {
    double total = 0;
    for (size_t i = 0; i < vocabulary; ++i) total += std::exp(p[t * vocabulary + i]);
    for (size_t i = 0; i < vocabulary; ++i) {
      p[t * vocabulary + i] = std::exp(p[t * vocabulary + i]) / total;
    }
  }
  return p;
}

// Mean KL divergence a token of the positions that have a loss.
double Divergence(std::span<const double> p, std::span<const double> q, size_t tokens) {
  const size_t vocabulary = p.size() / tokens;
  double sum = 0;
  for (size_t i = 0; i < (tokens - 1) * vocabulary; ++i) sum += p[i] * std::log(p[i] / q[i]);
  return sum / static_cast<double>(tokens - 1);
}

TEST(Sensitivity, IsTheMeanSquareOfTheGradients) {
  const auto model = TinyModel("qwen2");
  ThreadPool pool(2);
  const auto windows = RandomWindows(*model, 2, 20);
  const Sensitivity s = MeasureOrFail(*model, windows, {.windows = 2, .seed = 5}, pool);
  std::map<std::string, std::vector<double>> sums;
  const auto backward = Backward::Create(*model, pool).value();
  for (uint64_t i = 0; i < 2; ++i) {
    const auto visit = [&](const MatrixGradient& g) {
      if (g.lookup || g.matrix->layer < 0) return;
      std::vector<double>& sum = sums[g.matrix->name];
      sum.resize(static_cast<size_t>(g.matrix->matrix.rows));
      for (size_t j = 0; j < static_cast<size_t>(g.tokens) * sum.size(); ++j) {
        sum[j % sum.size()] += static_cast<double>(g.values[j]) * g.values[j];
      }
    };
    ASSERT_TRUE(backward->Run(windows[i], LossKind::kSampled, 5 + i, visit).ok());
  }
  EXPECT_EQ(sums.size(), 14u);
  for (const auto& [name, sum] : sums) {
    const std::vector<float>& importance = s.matrices.at(name).row_importance;
    ASSERT_EQ(importance.size(), sum.size());
    for (size_t r = 0; r < sum.size(); ++r) {
      EXPECT_NEAR(importance[r], sum[r] / 38, 1e-5 * sum[r] / 38);
    }
  }
}

TEST(Sensitivity, IsTheSameWhetherActivationsAreKeptOrComputedAgain) {
  const auto model = TinyModel("qwen2");
  ThreadPool pool(2);
  const auto windows = RandomWindows(*model, 3, 20);
  const Sensitivity again = MeasureOrFail(*model, windows, {.windows = 3}, pool);
  const Sensitivity kept =
      MeasureOrFail(*model, windows, {.windows = 3, .keep_bytes = int64_t{1} << 24}, pool);
  for (const auto& [name, matrix] : again.matrices) {
    EXPECT_EQ(kept.matrices.at(name).row_importance, matrix.row_importance) << name;
    EXPECT_EQ(kept.matrices.at(name).lookup_importance, matrix.lookup_importance) << name;
  }
}

TEST(Sensitivity, TiedTableHasImportanceOfRowsAndOfLookups) {
  const auto model = TinyModel("gemma3");
  ThreadPool pool(2);
  const auto windows = RandomWindows(*model, 2, 20);
  const Sensitivity s = MeasureOrFail(*model, windows, {}, pool);
  const MatrixSensitivity& table = s.matrices.at("model.embed_tokens.weight");
  const ModelConfig& c = model->config();
  ASSERT_EQ(std::ssize(table.row_importance), c.vocabulary_size);
  ASSERT_EQ(std::ssize(table.lookup_importance), c.hidden_size);
  ASSERT_EQ(std::ssize(table.lookup_share), c.vocabulary_size);
  double shares = 0;
  for (const float share : table.lookup_share) shares += share;
  EXPECT_NEAR(shares, 1, 1e-5);
  // sum of p (1 - p) over the vocabulary is at most 1.
  double rows = 0;
  for (const float importance : table.row_importance) rows += importance;
  EXPECT_GT(rows, 0);
  EXPECT_LT(rows, 1);
}

// Random errors of 1 % in a matrix raise the KL divergence by what was predicted: to second order,
// and but for products of gradients of different tokens, whose share depends on the model. A factor
// of 1.5 either way is far from what a wrong factor or a missing sum would do.
TEST(Sensitivity, PredictsTheDivergenceOfSmallErrors) {
  const auto model = TinyModel("llama");
  ThreadPool pool(2);
  const auto windows = RandomWindows(*model, 24, 40);
  const Sensitivity s = MeasureOrFail(*model, windows, {.windows = 24}, pool);
  constexpr int kLayer = 1;
  const MlpMoments moments = MomentsOfMlp(*model, windows, kLayer, pool);
  for (const NamedMatrix& named : model->matrices()) {
    if (named.layer != kLayer) continue;
    if (named.role != MatrixRole::kUp && named.role != MatrixRole::kDown) continue;
    SCOPED_TRACE(named.name);
    const SecondMoments& inputs = named.role == MatrixRole::kDown ? moments.inner : moments.input;
    auto& matrix = const_cast<PackedMatrix&>(named.matrix);
    const PackedMatrix original = matrix;
    double predicted = 0;
    double measured = 0;
    Rng rng(9);
    for (int draw = 0; draw < 6; ++draw) {
      std::vector<float> values = PlainWeights(original, pool);
      for (float& value : values) value += static_cast<float>(0.003 * rng.Gaussian());
      const PackedMatrix changed = Float32Matrix(original.rows, original.cols, values);
      predicted += PredictLoss(s.matrices.at(named.name), original, changed, &inputs, pool);
      for (size_t i = 0; i < 4; ++i) {
        const std::vector<double> p = Probabilities(*model, windows[i], pool);
        matrix = changed;
        const std::vector<double> q = Probabilities(*model, windows[i], pool);
        matrix = original;
        measured += Divergence(p, q, windows[i].size()) / 4;
      }
    }
    RecordProperty(named.name, std::to_string(measured / predicted));
    EXPECT_GT(measured, predicted / 1.5);
    EXPECT_LT(measured, predicted * 1.5);
  }
}

TEST(Sensitivity, FileGivesBackWhatWasWritten) {
  const auto model = TinyModel("gpt2");
  ThreadPool pool(1);
  const Sensitivity s =
      MeasureOrFail(*model, RandomWindows(*model, 3, 16), {.windows = 2, .seed = 7}, pool);
  TemporaryFolder folder;
  const std::string path = folder.path() + "/sensitivity.safetensors";
  ASSERT_TRUE(WriteSensitivity(path, s).ok());
  const Result<Sensitivity> read = ReadSensitivity(path);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->model_sha256, "abc");
  EXPECT_EQ(read->tokens_sha256, s.tokens_sha256);
  EXPECT_EQ(read->seed, 7u);
  EXPECT_EQ(read->windows, 2);
  EXPECT_EQ(read->context, 16);
  EXPECT_EQ(read->mean_loss, s.mean_loss);
  ASSERT_EQ(read->matrices.size(), s.matrices.size());
  for (const auto& [name, matrix] : s.matrices) {
    EXPECT_EQ(read->matrices.at(name).row_importance, matrix.row_importance);
    EXPECT_EQ(read->matrices.at(name).lookup_importance, matrix.lookup_importance);
    EXPECT_EQ(read->matrices.at(name).lookup_share, matrix.lookup_share);
  }
  EXPECT_TRUE(read->CheckModel(*model, "abc").ok());
  EXPECT_EQ(read->CheckModel(*model, "abd").code(), StatusCode::kInvalidArgument);
}

TEST(Sensitivity, IsMeasuredAgainOnlyForAnotherModelOtherWindowsOrAnotherSeed) {
  const auto model = TinyModel("gpt2");
  ThreadPool pool(1);
  TemporaryFolder folder;
  const std::string path = folder.path() + "/sensitivity.safetensors";
  const auto windows = RandomWindows(*model, 3, 16);
  const auto times_measured = [&](const std::string& sha256, int64_t count, uint64_t seed) {
    int times = 0;
    const auto result = KnownOrMeasuredSensitivity(
        path, *model, sha256, windows, {.windows = count, .seed = seed}, pool, [&](int done, int) {
          times += done == 1 ? 1 : 0;
          return true;
        });
    EXPECT_TRUE(result.ok()) << result.status().message();
    return times;
  };
  EXPECT_EQ(times_measured("abc", 2, 7), 1);
  EXPECT_EQ(times_measured("abc", 2, 7), 0);
  EXPECT_EQ(times_measured("abd", 2, 7), 1);
  EXPECT_EQ(times_measured("abd", 3, 7), 1);
  EXPECT_EQ(times_measured("abd", 3, 8), 1);
  ASSERT_TRUE(WriteFileAtomic(path, "broken").ok());
  EXPECT_EQ(times_measured("abd", 3, 8), 1);
  EXPECT_EQ(times_measured("abd", 3, 8), 0);
}

TEST(Sensitivity, ChangedFileIsCorrupt) {
  const auto model = TinyModel("gpt2");
  ThreadPool pool(1);
  const Sensitivity s = MeasureOrFail(*model, RandomWindows(*model, 1, 16), {}, pool);
  TemporaryFolder folder;
  const std::string path = folder.path() + "/sensitivity.safetensors";
  ASSERT_TRUE(WriteSensitivity(path, s).ok());
  const std::string content = ReadFile(path).value();
  std::string changed = content;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  ASSERT_TRUE(WriteFileAtomic(path, changed).ok());
  EXPECT_EQ(ReadSensitivity(path).status().code(), StatusCode::kCorrupt);
  changed = content;
  changed.replace(changed.find("\"abc\""), 5, "\"abd\"");
  ASSERT_TRUE(WriteFileAtomic(path, changed).ok());
  EXPECT_EQ(ReadSensitivity(path).status().code(), StatusCode::kCorrupt);
}

TEST(Sensitivity, StopsWhenAskedAndRefusesNoText) {
  const auto model = TinyModel("llama");
  ThreadPool pool(1);
  const auto windows = RandomWindows(*model, 3, 10);
  int calls = 0;
  const auto stop = [&](int, int) { return ++calls < 2; };
  EXPECT_EQ(MeasureSensitivity(*model, "abc", windows, {}, pool, stop).status().code(),
            StatusCode::kInterrupted);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(MeasureSensitivity(*model, "abc", {}, {}, pool, nullptr).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Sensitivity, HeadWithLargeGradientsStandsApart) {
  const auto model = TinyModel("llama");  // 4 heads of 8
  MatrixSensitivity s;
  s.row_importance.assign(32, 1.0f);
  for (size_t r = 16; r < 24; ++r) s.row_importance[r] = 60.0f;
  SecondMoments moments;
  moments.cols = 32;
  moments.hessian.assign(32 * 32, 0.0f);
  for (size_t c = 0; c < 32; ++c) moments.hessian[c * 33] = 1.0f;
  const NamedMatrix* query = nullptr;
  for (const NamedMatrix& named : model->matrices()) {
    if (query == nullptr && named.role == MatrixRole::kQuery) query = &named;
  }
  ASSERT_NE(query, nullptr);
  const std::vector<double> shares = HeadShares(*model, *query, s, moments);
  ASSERT_EQ(shares.size(), 4u);
  EXPECT_NEAR(shares[0] + shares[1] + shares[2] + shares[3], 1, 1e-12);
  Sensitivity all;
  all.matrices[query->name] = s;
  const auto reports = HeadsThatStandApart(
      *model, all, [&](const NamedMatrix&) -> Result<SecondMoments> { return moments; });
  ASSERT_TRUE(reports.ok());
  ASSERT_EQ(reports->size(), 1u);
  EXPECT_EQ(reports->front().head, 2);
  EXPECT_GT(reports->front().times_mean, 3);
}

}  // namespace
}  // namespace crumb

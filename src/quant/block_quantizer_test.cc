#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "calibration/block_stages.h"
#include "codecs/float_codecs.h"
#include "formats/packed_folder.h"
#include "model/session.h"
#include "quant/dense.h"
#include "quant/quantize_model.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

std::string TestModel(const std::string& family) {
  return std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/" + family;
}

// Random tokens: the test models have random weights, so any text would do.
CalibrationTokens RandomTokens(const Model& model, int64_t windows, int64_t context) {
  CalibrationTokens tokens;
  Rng rng(5);
  for (int64_t i = 0; i < windows; ++i) {
    std::vector<int32_t> window(static_cast<size_t>(context));
    for (int32_t& token : window) {
      token =
          static_cast<int32_t>(rng.Below(static_cast<uint64_t>(model.config().vocabulary_size)));
    }
    tokens.windows.push_back(std::move(window));
  }
  tokens.manifest = std::make_shared<const Json>(Json{{"texts", Json::array()}, {"test", 5}});
  tokens.line_hashes = {17, 23};
  return tokens;
}

class BlockQuantizerTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    model_ = Model::Load(TestModel(GetParam())).value();
    tokens_ = RandomTokens(*model_, 12, 24);
    folder_ =
        JoinPath(::testing::TempDir(), "crumb blocks " + GetParam() + std::to_string(getpid()));
    Clean();
  }
  void TearDown() override { Clean(); }
  void Clean() {
    EXPECT_TRUE(RemoveAll(folder_).ok());
    EXPECT_TRUE(RemoveAll(folder_ + ".partial").ok());
  }

  QuantizeModelOptions Options(const std::string& method, const std::string& codec) const {
    QuantizeModelOptions options;
    options.plan.block = {method, codec};
    options.plan.embedding = {"rtn", "int8-g64"};
    options.calibration = &tokens_;
    options.folder = folder_;
    options.replace = true;
    return options;
  }

  // Mean squared difference of the hidden states' logits (decoders) or embeddings from the float
  // model's, on tokens that calibration did not see.
  double OutputError(const Model& other) {
    const std::vector<std::vector<int32_t>> windows = RandomTokens(*model_, 16, 24).windows;
    const auto outputs = [&](const Model& model, const std::vector<int32_t>& window) {
      ThreadPool pool(1);
      SessionOptions session_options;
      session_options.activations = ActivationType::kFloat32;
      session_options.max_tokens = 24;
      auto session = Session::Create(model, pool, session_options).value();
      if (model.config().encoder) return session->Embed(window).value();
      std::vector<float> logits;
      EXPECT_TRUE(session->Forward(window, 24, &logits).ok());
      return logits;
    };
    double sum = 0;
    int64_t count = 0;
    for (size_t i = 12; i < windows.size(); ++i) {
      const std::vector<float> a = outputs(*model_, windows[i]);
      const std::vector<float> b = outputs(other, windows[i]);
      for (size_t j = 0; j < a.size(); ++j) {
        sum += (static_cast<double>(a[j]) - b[j]) * (static_cast<double>(a[j]) - b[j]);
      }
      count += std::ssize(a);
    }
    return sum / static_cast<double>(count);
  }

  double ErrorOf(const QuantizeModelOptions& options) {
    const auto result = QuantizeModel(*model_, options, pool_, nullptr);
    EXPECT_TRUE(result.ok()) << result.status().message();
    const auto packed = Model::Load(folder_);
    EXPECT_TRUE(packed.ok()) << packed.status().message();
    return packed.ok() ? OutputError(**packed) : 1e9;
  }

  ThreadPool pool_{2};
  std::unique_ptr<Model> model_;
  CalibrationTokens tokens_;
  std::string folder_;
};

TEST_P(BlockQuantizerTest, CalibratedCodesComeCloserThanRounding) {
  const double rounded = ErrorOf(Options("rtn", "int2-g64"));
  EXPECT_LT(ErrorOf(Options("ldlq", "int2-g64")), rounded);
}

TEST_P(BlockQuantizerTest, EveryMethodMakesAModelThatRuns) {
  const std::pair<const char*, const char*> choices[] = {
      {"clip", "int3-g64"},    {"gptq", "int3-g64"},       {"ldlq", "int3-g64"},
      {"awq", "int3-g64"},     {"rotated", "int3-g64"},    {"trellis", "trellis3"},
      {"binary", "int1-g64"},  {"ternary", "ternary-g64"}, {"trellis", "trellis1"},
      {"binary", "binary-row"}};
  for (const auto& choice : choices) {
    SCOPED_TRACE(std::string(choice.first) + " " + choice.second);
    EXPECT_LT(ErrorOf(Options(choice.first, choice.second)), 1e6);
  }
}

TEST_P(BlockQuantizerTest, TheSameBytesWhateverTheThreads) {
  std::vector<std::string> hashes;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    const auto result = QuantizeModel(*model_, Options("trellis", "trellis2"), pool, nullptr);
    ASSERT_TRUE(result.ok()) << result.status().message();
    hashes.push_back(Sha256OfPath(folder_, false).value());
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(hashes[0], hashes[2]);
}

TEST_P(BlockQuantizerTest, AStoppedRunGoesOnToTheSameBytes) {
  const QuantizeModelOptions options = Options("trellis", "trellis2");
  ASSERT_TRUE(QuantizeModel(*model_, options, pool_, nullptr).ok());
  const std::string undisturbed = Sha256OfPath(folder_, false).value();
  const int total = static_cast<int>(model_->matrices().size());
  for (const int stop_at : {1, total / 2, total - 1}) {
    Clean();
    const auto stopped =
        QuantizeModel(*model_, options, pool_, [stop_at](int done, int) { return done < stop_at; });
    ASSERT_EQ(stopped.status().code(), StatusCode::kInterrupted);
    EXPECT_FALSE(PathExists(folder_));
    const auto resumed = QuantizeModel(*model_, options, pool_, nullptr);
    ASSERT_TRUE(resumed.ok()) << resumed.status().message();
    EXPECT_EQ(Sha256OfPath(folder_, false).value(), undisturbed) << "stopped at " << stop_at;
    if (stop_at > total / 2) {
      EXPECT_GT(resumed->layers_resumed, 0);
    }
    EXPECT_FALSE(PathExists(folder_ + ".partial"));
  }
}

// Also where one of them was stopped before and takes its first blocks from there.
TEST_P(BlockQuantizerTest, SharingTheFloatModelGivesTheBytesOfEachAlone) {
  std::vector<QuantizeModelOptions> all = {
      Options("trellis", "trellis2"), Options("gptq", "int3-g64"), Options("clip", "int4-g64")};
  all[1].blocks.correct_inputs = false;
  all[2].plan.embedding = {"trellis", "trellis4"};
  std::vector<std::string> alone;
  for (QuantizeModelOptions& options : all) {
    ASSERT_TRUE(QuantizeModel(*model_, options, pool_, nullptr).ok());
    alone.push_back(Sha256OfPath(folder_, false).value());
    options.folder = folder_ + std::to_string(alone.size());
  }
  const int stop_at = model_->config().layers > 1 ? 9 : 5;
  const auto stop = [&](int done, int) { return done < stop_at; };
  EXPECT_EQ(QuantizeModel(*model_, all[2], pool_, stop).status().code(), StatusCode::kInterrupted);
  const auto together = QuantizeTogether(*model_, all, pool_, nullptr);
  ASSERT_TRUE(together.ok()) << together.status().message();
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(Sha256OfPath(all[i].folder, false).value(), alone[i]) << i;
    EXPECT_EQ((*together)[i].layers_resumed > 0, i == 2);
    EXPECT_GT((*together)[i].seconds, 0);
    EXPECT_TRUE(RemoveAll(all[i].folder).ok());
  }
}

TEST_P(BlockQuantizerTest, ImportanceThatWasMeasuredBeforeGivesTheSameBytes) {
  QuantizeModelOptions options = Options("trellis", "trellis2");
  ASSERT_TRUE(QuantizeModel(*model_, options, pool_, nullptr).ok());
  const std::string measured = Sha256OfPath(folder_, false).value();
  SensitivityOptions gradients;
  gradients.windows = options.blocks.importance_windows;
  gradients.seed = options.blocks.seed;
  const Sensitivity sensitivity =
      MeasureSensitivity(*model_, "", tokens_.windows, gradients, pool_, nullptr).value();
  options.blocks.row_importance = RowImportanceOf(*model_, sensitivity);
  ASSERT_TRUE(QuantizeModel(*model_, options, pool_, nullptr).ok());
  EXPECT_EQ(Sha256OfPath(folder_, false).value(), measured);
  for (auto& [name, rows] : options.blocks.row_importance) rows.front() += 9;
  ASSERT_TRUE(QuantizeModel(*model_, options, pool_, nullptr).ok());
  EXPECT_NE(Sha256OfPath(folder_, false).value(), measured);
}

TEST_P(BlockQuantizerTest, BlocksOfOtherOptionsAreNotTakenOver) {
  QuantizeModelOptions options = Options("trellis", "trellis2");
  ASSERT_TRUE(QuantizeModel(*model_, options, pool_, nullptr).ok());
  options.blocks.seed = 2;
  const int last = static_cast<int>(model_->matrices().size()) - 1;
  ASSERT_FALSE(
      QuantizeModel(*model_, options, pool_, [last](int done, int) { return done < last; }).ok());
  options.blocks.seed = 1;
  const auto result = QuantizeModel(*model_, options, pool_, nullptr);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->layers_resumed, 0);
}

TEST_P(BlockQuantizerTest, TheManifestNamesTheCalibration) {
  ASSERT_TRUE(QuantizeModel(*model_, Options("trellis", "trellis2"), pool_, nullptr).ok());
  const Json manifest = ReadJsonFile(JoinPath(folder_, "manifest.json")).value();
  EXPECT_EQ(manifest["calibration"]["test"], 5);
  EXPECT_EQ(manifest["calibration"]["line_hashes"][0], "0000000000000011");
  EXPECT_EQ(manifest["seed"], 1);
  EXPECT_EQ(manifest["method"], "trellis");
  EXPECT_EQ(manifest["matrices"].size(), model_->matrices().size());
}

TEST_P(BlockQuantizerTest, AMethodThatNeedsTextSaysSo) {
  QuantizeModelOptions options = Options("gptq", "int3-g64");
  options.calibration = nullptr;
  const auto result = QuantizeModel(*model_, options, pool_, nullptr);
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("needs a calibration text"));
}

// Means over the calibration's tokens of what the matrices of one slot read, and of the stream.
struct Means {
  std::vector<double> input, input_size, stream, stream_size;  // size: of absolute values

  static void Add(const float* values, int64_t rows, int64_t width, double scale,
                  std::vector<double>& mean, std::vector<double>& size) {
    mean.resize(static_cast<size_t>(width));
    size.resize(static_cast<size_t>(width));
    for (int64_t i = 0; i < rows * width; ++i) {
      mean[static_cast<size_t>(i % width)] += scale * values[i];
      size[static_cast<size_t>(i % width)] += scale * std::abs(values[i]);
    }
  }
};

// One model's stages over all windows at once.
class Walk {
 public:
  Walk(const Model& model, const CalibrationTokens& tokens, ThreadPool& pool)
      : c_(model.config()),
        tokens_(tokens),
        weights_(FindWeights(model)),
        forward_(c_, pool, ActivationType::kFloat32),
        rows_(std::ssize(tokens.windows.front())),
        cache_(KvCache::Create(KvShape::Exact(c_, 1, rows_)).value()),
        input_(static_cast<size_t>(rows_ * c_.hidden_size)) {
    for (const std::vector<int32_t>& window : tokens.windows) {
      streams_.emplace_back(rows_ * c_.hidden_size);
      inner_.emplace_back(rows_ * InnerWidth(c_));
      forward_.Begin(0, rows_);
      forward_.Embed(weights_, window, streams_.back().data());
    }
  }

  Means At(int layer, InputSlot slot) {
    Means means;
    const LayerWeights& w = weights_.layers[static_cast<size_t>(layer)];
    const double scale = 1.0 / static_cast<double>(rows_ * std::ssize(tokens_.windows));
    for (size_t i = 0; i < streams_.size(); ++i) {
      const float* in = StageInput(forward_, w, layer, slot, rows_, cache_, BuffersOf(i));
      Means::Add(in, rows_, InputWidth(c_, slot), scale, means.input, means.input_size);
      Means::Add(streams_[i].data(), rows_, c_.hidden_size, scale, means.stream, means.stream_size);
      FinishStage(forward_, w, slot, rows_, BuffersOf(i));
    }
    return means;
  }

  // Of window i, behind all blocks.
  std::vector<float> HeadInput(size_t i) {
    std::vector<float> out(streams_[i].size());
    forward_.Begin(0, rows_);
    forward_.HeadInput(weights_, streams_[i].data(), rows_, out.data());
    return out;
  }

 private:
  StageBuffers BuffersOf(size_t i) { return {streams_[i].data(), inner_[i].data(), input_.data()}; }

  const ModelConfig& c_;
  const CalibrationTokens& tokens_;
  ModelWeights weights_;
  Forward forward_;
  int64_t rows_;
  KvCache cache_;
  std::vector<float> input_;
  std::vector<std::vector<float>> streams_, inner_;
};

TEST_P(BlockQuantizerTest, MatricesWithABiasHaveNoMeanErrorOnTheCalibration) {
  ASSERT_TRUE(QuantizeModel(*model_, Options("ldlq", "int2-g64"), pool_, nullptr).ok());
  const std::unique_ptr<Model> packed = Model::Load(folder_).value();
  Walk exact_walk(*model_, tokens_, pool_);
  Walk packed_walk(*packed, tokens_, pool_);
  int biases = 0;
  for (int layer = 0; layer < model_->config().layers; ++layer) {
    for (const InputSlot slot : kBlockSlots) {
      const Means a = exact_walk.At(layer, slot);
      const Means b = packed_walk.At(layer, slot);
      for (const NamedMatrix& named : model_->matrices()) {
        if (named.layer != layer || SlotOf(named.role) != slot) continue;
        const std::string bias = named.name.substr(0, named.name.size() - 6) + "bias";
        if (model_->FindTensor(bias) == nullptr) continue;
        ++biases;
        const std::vector<float> w = PlainWeights(named.matrix, pool_);
        const std::vector<float> q = PlainWeights(*packed->FindMatrix(named.name), pool_);
        const bool adds = slot == InputSlot::kOutput || slot == InputSlot::kDown;
        const auto cols = static_cast<size_t>(named.matrix.cols);
        for (size_t r = 0; r < static_cast<size_t>(named.matrix.rows); ++r) {
          double error =
              static_cast<double>(model_->FindTensor(bias)[r]) - packed->FindTensor(bias)[r];
          double size = std::abs(model_->FindTensor(bias)[r]);
          for (size_t c = 0; c < cols; ++c) {
            const double from = w[r * cols + c];
            const double to = q[r * cols + c];
            error += from * a.input[c] - to * b.input[c];
            size += std::abs(from) * a.input_size[c] + std::abs(to) * b.input_size[c];
          }
          if (adds) error += a.stream[r] - b.stream[r];
          if (adds) size += a.stream_size[r] + b.stream_size[r];
          // Means and biases are float32, and so are activations behind a norm whose weights
          // changed: a few roundings of each term.
          EXPECT_LE(std::abs(error), 0x1p-21 * size) << named.name << " row " << r;
        }
      }
    }
  }
  EXPECT_EQ(biases > 0, GetParam() != "llama");
}

TEST_P(BlockQuantizerTest, TheHeadErrorIsThatOfTheWrittenModel) {
  const auto result = QuantizeModel(*model_, Options("ldlq", "int2-g64"), pool_, nullptr);
  ASSERT_TRUE(result.ok() && result->head_error.has_value());
  const std::unique_ptr<Model> packed = Model::Load(folder_).value();
  Walk exact_walk(*model_, tokens_, pool_);
  Walk packed_walk(*packed, tokens_, pool_);
  for (int layer = 0; layer < model_->config().layers; ++layer) {
    for (const InputSlot slot : kBlockSlots) {
      exact_walk.At(layer, slot);
      packed_walk.At(layer, slot);
    }
  }
  double error = 0;
  double size = 0;
  for (size_t i = 0; i < tokens_.windows.size(); ++i) {
    const std::vector<float> a = exact_walk.HeadInput(i);
    const std::vector<float> b = packed_walk.HeadInput(i);
    for (size_t k = 0; k < a.size(); ++k) {
      error += (static_cast<double>(a[k]) - b[k]) * (static_cast<double>(a[k]) - b[k]);
      size += static_cast<double>(a[k]) * a[k];
    }
  }
  // The same float32 steps; the written tensors are float32 too.
  EXPECT_NEAR(*result->head_error, error / size, 1e-5 * error / size);
  EXPECT_GT(error, 0);
  QuantizeModelOptions uncorrected = Options("ldlq", "int2-g64");
  uncorrected.blocks.correct_inputs = false;
  EXPECT_FALSE(QuantizeModel(*model_, uncorrected, pool_, nullptr)->head_error.has_value());
}

INSTANTIATE_TEST_SUITE_P(Families, BlockQuantizerTest, ::testing::Values("llama", "qwen2", "gpt2"),
                         [](const auto& test) { return test.param; });

// A model whose outputs of attention and MLP go through a norm on their way to the stream.
class PostNormTest : public BlockQuantizerTest {
 protected:
  // The test model with its output and down projections times a power of two. The norms behind them
  // divide it out again, exactly: their epsilon is made too small to be felt.
  void LoadScaled(float factor) {
    const std::string folder = folder_ + " scaled";
    ASSERT_TRUE(RemoveAll(folder).ok());
    std::filesystem::copy(TestModel(GetParam()), folder);
    const std::string config = JoinPath(folder, "config.json");
    Json json = ReadJsonFile(config).value();
    json["rms_norm_eps"] = 1e-30;
    ASSERT_TRUE(WriteFileAtomic(config, DumpJson(json)).ok());
    model_ = Model::Load(folder, {.decode_to = "f32"}).value();
    ASSERT_TRUE(model_->config().post_norms);
    for (const NamedMatrix& named : model_->matrices()) {
      if (named.role != MatrixRole::kOutput && named.role != MatrixRole::kDown) continue;
      std::vector<float> values = PlainWeights(named.matrix, pool_);
      for (float& value : values) value *= factor;
      PackedMatrix* matrix = model_->MutableMatrix(named.name);
      *matrix = PackFloats(Float32Codec(), matrix->rows, matrix->cols, values);
    }
  }
  void TearDown() override {
    EXPECT_TRUE(RemoveAll(folder_ + " scaled").ok());
    BlockQuantizerTest::TearDown();
  }
};

TEST_P(PostNormTest, CalibratedCodesComeCloserThanRoundingHoweverSmallTheOutputs) {
  LoadScaled(0x1p-6f);
  const double rounded = ErrorOf(Options("rtn", "int3-g64"));
  EXPECT_LT(ErrorOf(Options("ldlq", "int3-g64")), rounded);
}

TEST_P(PostNormTest, TheSizeOfWhatTheNormReadsChangesNothing) {
  LoadScaled(1);
  const double as_is = ErrorOf(Options("ldlq", "int3-g64"));
  LoadScaled(0x1p-6f);
  // Every step is linear in these weights, so a power of two goes through all of them exactly, but
  // for what is there to keep divisors from zero.
  EXPECT_NEAR(ErrorOf(Options("ldlq", "int3-g64")), as_is, 0.01 * as_is);
}

INSTANTIATE_TEST_SUITE_P(Families, PostNormTest, ::testing::Values("gemma3"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace crumb

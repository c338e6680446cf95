#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "formats/packed_folder.h"
#include "model/session.h"
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

INSTANTIATE_TEST_SUITE_P(Families, BlockQuantizerTest, ::testing::Values("llama", "qwen2", "gpt2"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace crumb

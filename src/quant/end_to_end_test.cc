#include "quant/end_to_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/rng.h"
#include "codecs/codec.h"
#include "formats/packed_folder.h"
#include "quant/quantize_model.h"
#include "quant/tuned_factors.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

class EndToEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = JoinPath(::testing::TempDir(), "crumb end to end " + std::to_string(getpid()));
    ASSERT_TRUE(RemoveAll(folder_).ok());
    ASSERT_TRUE(MakeFolders(folder_).ok());
    teacher_ = LoadOrFail(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/llama");
    ASSERT_NE(teacher_, nullptr);
    Rng rng(5);
    const auto vocabulary = static_cast<uint64_t>(teacher_->config().vocabulary_size);
    for (int i = 0; i < 16; ++i) {
      std::vector<int32_t> window(32);
      for (int32_t& token : window) token = static_cast<int32_t>(rng.Below(vocabulary));
      tokens_.windows.push_back(std::move(window));
    }
    tokens_.manifest = std::make_shared<const Json>(Json{{"texts", "random tokens"}});
  }
  void TearDown() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  static std::unique_ptr<Model> LoadOrFail(const std::string& path) {
    Result<std::unique_ptr<Model>> model = Model::Load(path);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return model.ok() ? std::move(model).value() : nullptr;
  }
  std::string Path(const std::string& name) const { return JoinPath(folder_, name); }

  QuantizeModelOptions Options(const std::string& name, const char* method, const char* codec,
                               int64_t epochs) const {
    QuantizeModelOptions options;
    options.plan.block = {method, codec};
    options.plan.embedding = {"rtn", "int8-g64"};
    options.calibration = &tokens_;
    options.folder = Path(name);
    options.tuning.epochs = epochs;
    return options;
  }
  // The path of the test model by a method and codec, without tuning.
  std::string Untuned(const char* method, const char* codec) {
    QuantizeModelOptions options = Options(std::string("untuned-") + codec, method, codec, 0);
    // Without the closed forms, which would fit the held-out windows too.
    options.blocks.correct_inputs = options.blocks.tune_norms = false;
    if (PathExists(options.folder)) return options.folder;
    const auto result = QuantizeModel(*teacher_, options, pool_, {});
    EXPECT_TRUE(result.ok()) << result.status().message();
    return options.folder;
  }
  EndToEndReport TuneOrFail(Model& model, const EndToEndOptions& options, ThreadPool& pool) {
    const auto report =
        TuneEndToEnd(*teacher_, model, tokens_.windows, options, folder_, pool, nullptr);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : EndToEndReport{};
  }

  ThreadPool pool_{1};
  std::string folder_;
  std::unique_ptr<Model> teacher_;
  CalibrationTokens tokens_;
};

std::vector<std::byte> Bytes(std::span<const std::byte> part) { return {part.begin(), part.end()}; }

// Scales of all matrices and values of all tensors, as bytes.
std::vector<std::vector<std::byte>> TunedParts(const Model& model) {
  std::vector<std::vector<std::byte>> parts;
  for (const NamedMatrix& m : model.matrices()) parts.push_back(Bytes(m.matrix.scales));
  for (const NamedTensor& t : model.tensors()) {
    parts.push_back(Bytes(std::as_bytes(std::span(t.values))));
  }
  return parts;
}

std::vector<std::vector<std::byte>> OtherParts(const Model& model) {
  std::vector<std::vector<std::byte>> parts;
  for (const NamedMatrix& m : model.matrices()) {
    for (const auto part : {m.matrix.codes, m.matrix.zeros, m.matrix.table, m.matrix.input.signs,
                            m.matrix.input.scales}) {
      parts.push_back(Bytes(part));
    }
  }
  return parts;
}

constexpr std::pair<const char*, const char*> kMethods[] = {
    {"rtn", "int3-g64"}, {"rtn", "ternary-g64"}, {"binary", "binary-row"}, {"trellis", "trellis2"}};

TEST_F(EndToEndTest, HeldOutLossFallsAndOnlyScalesAndNormsChange) {
  for (const auto& [method, codec] : kMethods) {
    SCOPED_TRACE(codec);
    const auto model = LoadOrFail(Untuned(method, codec));
    ASSERT_NE(model, nullptr);
    const auto others = OtherParts(*model);
    const auto tuned = TunedParts(*model);
    const EndToEndReport report =
        TuneOrFail(*model, {.epochs = 3, .batch = 4, .rate = 5e-3}, pool_);
    ASSERT_EQ(report.held_out_losses.size(), 4u);
    EXPECT_GT(report.kept_epoch, 0);
    EXPECT_LT(report.held_out_losses[static_cast<size_t>(report.kept_epoch)].divergence,
              report.held_out_losses.front().divergence);
    EXPECT_TRUE(OtherParts(*model) == others);
    EXPECT_FALSE(TunedParts(*model) == tuned);
    for (const NamedMatrix& m : model->matrices()) EXPECT_TRUE(ValidateMatrix(m.matrix).ok());
  }
}

TEST_F(EndToEndTest, StepsThatDoHarmAreTakenBack) {
  const auto model = LoadOrFail(Untuned("rtn", "int3-g64"));
  ASSERT_NE(model, nullptr);
  const auto before = TunedParts(*model);
  // Every factor moves by e^0.3 a step: far beyond what the quantization cost.
  const EndToEndReport report = TuneOrFail(*model, {.epochs = 1, .rate = 0.3}, pool_);
  EXPECT_EQ(report.kept_epoch, 0);
  EXPECT_EQ(report.mean_change, 0);
  EXPECT_EQ(TunedParts(*model), before);
}

TEST_F(EndToEndTest, SameBytesWhateverTheThreads) {
  const auto one = LoadOrFail(Untuned("rtn", "int3-g64"));
  const auto other = LoadOrFail(Untuned("rtn", "int3-g64"));
  ThreadPool three(3);
  const EndToEndOptions options = {.epochs = 1, .tables = true};
  const EndToEndReport a = TuneOrFail(*one, options, pool_);
  const EndToEndReport b = TuneOrFail(*other, options, three);
  EXPECT_GT(a.kept_epoch, 0);
  EXPECT_EQ(DumpJson(EndToEndJson(options, a)), DumpJson(EndToEndJson(options, b)));
  EXPECT_EQ(TunedParts(*one), TunedParts(*other));
}

TEST_F(EndToEndTest, HeldOutWindowsAreNeverUsedForSteps) {
  const auto model = LoadOrFail(Untuned("rtn", "int3-g64"));
  const EndToEndReport report =
      TuneOrFail(*model, {.epochs = 1, .batch = 2, .held_out = 100}, pool_);
  EXPECT_EQ(report.held_out, 4);  // a quarter
  EXPECT_EQ(report.windows, 12);
  EXPECT_EQ(report.steps, 6);
}

TEST_F(EndToEndTest, KilledWhileTuningGoesOnFromTheWholeModelWithTheSameBytes) {
  QuantizeModelOptions options = Options("whole", "trellis", "trellis2", 2);
  ASSERT_TRUE(QuantizeModel(*teacher_, options, pool_, {}).ok());
  options.folder = Path("killed");
  options.tuning_progress = [](int64_t done, int64_t) { return done < 20; };
  const auto killed = QuantizeModel(*teacher_, options, pool_, {});
  EXPECT_EQ(killed.status().code(), StatusCode::kInterrupted);
  EXPECT_FALSE(PathExists(options.folder));
  options.tuning_progress = nullptr;
  int quantized = 0;
  const auto again =
      QuantizeModel(*teacher_, options, pool_, [&](int, int) { return ++quantized, true; });
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(quantized, 0);
  EXPECT_FALSE(PathExists(options.folder + ".partial"));
  for (const char* file : {"model.safetensors", "config.json", "manifest.json"}) {
    EXPECT_EQ(ReadFile(JoinPath(Path("whole"), file)).value(),
              ReadFile(JoinPath(options.folder, file)).value())
        << file;
  }
  EXPECT_TRUE(VerifyPackedFolder(options.folder).ok());
  const Json manifest = ReadJsonFile(JoinPath(options.folder, "manifest.json")).value();
  EXPECT_EQ(manifest["end_to_end"]["epochs"], 2);
  EXPECT_EQ(manifest["end_to_end"]["held_out_losses"].size(), 3u);
}

TEST_F(EndToEndTest, WindowsOfItsOwnAreAllThatTheTuningReads) {
  QuantizeModelOptions options = Options("own", "trellis", "trellis2", 1);
  options.tuning_windows.assign(tokens_.windows.begin() + 8, tokens_.windows.end());
  CalibrationTokens first = tokens_;
  first.windows.resize(8);
  options.calibration = &first;
  const auto result = QuantizeModel(*teacher_, options, pool_, {});
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->tuning->windows + result->tuning->held_out, 8);
  // The same in two steps.
  QuantizeModelOptions untuned = Options("first", "trellis", "trellis2", 0);
  untuned.calibration = &first;
  ASSERT_TRUE(QuantizeModel(*teacher_, untuned, pool_, {}).ok());
  const auto model = LoadOrFail(untuned.folder);
  ASSERT_NE(model, nullptr);
  ASSERT_TRUE(TuneEndToEnd(*teacher_, *model, options.tuning_windows, options.tuning, folder_,
                           pool_, nullptr)
                  .ok());
  const auto own = LoadOrFail(options.folder);
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(TunedParts(*own) == TunedParts(*model));
  const Json manifest = ReadJsonFile(JoinPath(options.folder, "manifest.json")).value();
  EXPECT_EQ(manifest["calibration"]["tuning_windows"], 8);
}

TEST_F(EndToEndTest, AddsNoBits) {
  ASSERT_TRUE(QuantizeModel(*teacher_, Options("tuned", "trellis", "trellis2", 1), pool_, {}).ok());
  const std::string untuned = Untuned("trellis", "trellis2");
  const auto bits = [](const std::string& folder) {
    return ReadJsonFile(JoinPath(folder, "manifest.json")).value()["total_bits_per_weight"];
  };
  EXPECT_EQ(bits(Path("tuned")), bits(untuned));
}

TEST_F(EndToEndTest, RefusesWhatCanNotBeTuned) {
  const auto model = LoadOrFail(Untuned("rtn", "int3-g64"));
  const auto one = TuneEndToEnd(*teacher_, *model, std::span(tokens_.windows).first(1),
                                {.epochs = 1}, folder_, pool_, nullptr);
  EXPECT_EQ(one.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(one.status().message(), HasSubstr("two windows"));
  const auto other = LoadOrFail(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/gemma3");
  const auto shapes =
      TuneEndToEnd(*other, *model, tokens_.windows, {.epochs = 1}, folder_, pool_, nullptr);
  EXPECT_THAT(shapes.status().message(), HasSubstr("shapes differ"));
  QuantizeModelOptions options = Options("no text", "rtn", "int3-g64", 1);
  options.calibration = nullptr;
  const auto no_text = QuantizeModel(*teacher_, options, pool_, {});
  EXPECT_THAT(no_text.status().message(), HasSubstr("calibration text"));
}

TEST_F(EndToEndTest, FirstStepMovesEveryFactorByTheRateAgainstItsGradient) {
  const auto model = LoadOrFail(Untuned("trellis", "trellis2"));
  ASSERT_NE(model, nullptr);
  TunedFactors factors(*model, /*tables=*/false);
  const auto start = factors.Save();
  const auto before = TunedParts(*model);
  const NamedTensor& norm = model->tensors().front();
  const std::vector<float> values = norm.values;
  std::vector<float> gradient(values.size());
  for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = i % 2 == 0 ? 3.0f : -0.01f;
  factors.Add(TensorGradient{&norm, gradient.data()});
  factors.Step(0.01);
  for (size_t i = 0; i < values.size(); ++i) {
    const double sign = gradient[i] * values[i] > 0 ? -1 : 1;
    // float32 rounds the logarithm and the product.
    EXPECT_NEAR(norm.values[i] / values[i], std::exp(0.01 * sign), 1e-6);
  }
  factors.Restore(start);
  EXPECT_EQ(TunedParts(*model), before);
}

}  // namespace
}  // namespace crumb

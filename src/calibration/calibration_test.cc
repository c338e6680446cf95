#include "calibration/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/sha256.h"
#include "base/temporary_folder_for_test.h"
#include "text/fingerprint.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

std::string Text(const std::string& word, int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    text +=
        "Line " + std::to_string(i) + " tells of the " + word + " and is long enough to count.\n";
  }
  return text;
}

std::unique_ptr<Model> Load(const std::string& family) {
  Result<std::unique_ptr<Model>> model =
      Model::Load(std::string(CRUMB_SOURCE_DIR) + "/src/model/testdata/" + family);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return std::move(model).value();
}

CalibrationText Named(const std::string& name, const std::string& content) {
  return {name, "test", content, Sha256Hex(content)};
}

CalibrationTokens Cut(const Model& model, int64_t windows, int64_t context) {
  const std::vector<CalibrationText> texts = {Named("a", Text("river", 40)),
                                              Named("b", Text("mountain", 40))};
  Result<CalibrationTokens> tokens = CutCalibrationTokens(model, texts, windows, context);
  EXPECT_TRUE(tokens.ok()) << tokens.status().message();
  return std::move(tokens).value();
}

std::string Bytes(const std::string& path) {
  Result<std::string> bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status().message();
  return bytes.ok() ? *bytes : "";
}

TEST(CalibrationTokens, WindowsComeFromTheTextsInTurnAndDoNotOverlap) {
  const std::unique_ptr<Model> model = Load("llama");
  // The texts hold other words, and numbers that tell the lines apart.
  const CalibrationTokens tokens = Cut(*model, 6, 60);
  ASSERT_EQ(tokens.windows.size(), 6u);
  for (size_t w = 0; w < 6; ++w) {
    EXPECT_EQ(tokens.windows[w].size(), 60u);
    const std::string text = *model->tokenizer().Decode(tokens.windows[w]);
    EXPECT_EQ(text.find(w % 2 == 0 ? "mountain" : "river"), std::string::npos) << text;
    for (size_t other = w + 1; other < 6; ++other) {
      EXPECT_NE(tokens.windows[w], tokens.windows[other]);
    }
  }
  EXPECT_EQ(tokens.manifest->at("windows"), 6);
  EXPECT_EQ(tokens.manifest->at("context"), 60);
  EXPECT_EQ(tokens.manifest->at("tokens"), 360);
  EXPECT_EQ(tokens.manifest->at("texts").size(), 2u);
}

TEST(CalibrationTokens, HashesAreThoseOfTheLinesThatWindowsTouch) {
  const std::unique_ptr<Model> model = Load("llama");
  const std::string text = Text("river", 40);
  const CalibrationText texts[] = {Named("a", text)};
  const CalibrationTokens tokens = *CutCalibrationTokens(*model, texts, 3, 60);
  std::string touched;
  for (const std::vector<int32_t>& window : tokens.windows) {
    // Every line of which the window has a part, found by the decoded text.
    std::string part = *model->tokenizer().Decode(std::span(window).subspan(1));
    const size_t at = text.find(part);
    ASSERT_NE(at, std::string::npos) << part;
    // The first token of the window may stand for the start of sequence: its byte is one before.
    const size_t from = text.rfind('\n', at == 0 ? 0 : at - 1);
    const size_t begin = from == std::string::npos || at == 0 ? 0 : from + 1;
    const size_t end = text.find('\n', at + part.size() - 1);
    touched += text.substr(begin, end + 1 - begin);
  }
  EXPECT_EQ(tokens.line_hashes, LineHashes(touched));
  EXPECT_LT(tokens.line_hashes.size(), 20u) << "not all lines were read";
}

TEST(CalibrationTokens, TooLittleTextSaysWhatThereIsAndWhatIsNeeded) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationText texts[] = {Named("a", "Only a few words here.")};
  const Status status = CutCalibrationTokens(*model, texts, 8, 60).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("needs 480 tokens"));
  const auto count = model->tokenizer().Encode(texts[0].content)->size();
  EXPECT_THAT(status.message(), HasSubstr("has " + std::to_string(count)));
}

TEST(CalibrationTokens, TextThatIsShortGivesWhatItHasAndTheOtherTheRest) {
  const std::unique_ptr<Model> model = Load("llama");
  const auto cut = [&](int64_t windows) {
    const CalibrationText texts[] = {Named("a", Text("river", 1)),
                                     Named("b", Text("mountain", 40))};
    return CutCalibrationTokens(*model, texts, windows, 40);
  };
  const int64_t room = std::ssize(*model->tokenizer().Encode(Text("river", 1))) / 40 +
                       std::ssize(*model->tokenizer().Encode(Text("mountain", 40))) / 40;
  EXPECT_TRUE(cut(room).ok());
  EXPECT_EQ(cut(room + 1).status().code(), StatusCode::kInvalidArgument);
}

TEST(CalibrationTokens, SomeOfTheWindowsAreSpreadOverAllAndTheManifestCountsThem) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationText texts[] = {Named("a", Text("river", 40)), Named("b", Text("mountain", 40))};
  const CalibrationTokens all = *CutCalibrationTokens(*model, texts, 9, 60);
  const CalibrationTokens some = SomeOfTheWindows(all, 3);
  ASSERT_EQ(some.windows.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(some.windows[i], all.windows[3 * i]);
  EXPECT_EQ(some.manifest->at("windows"), 3);
  EXPECT_EQ(some.manifest->at("tokens"), 180);
  EXPECT_NE(some.manifest->at("tokens_sha256"), all.manifest->at("tokens_sha256"));
  EXPECT_EQ(some.manifest->at("texts"), all.manifest->at("texts"));
  EXPECT_EQ(some.line_hashes, all.line_hashes);
  EXPECT_EQ(*SomeOfTheWindows(all, 9).manifest, *all.manifest);
}

TEST(CalibrationTokens, WindowsHeldOutAreNoneOfTheOthersAndTakeNoTextFromThem) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationText texts[] = {Named("a", Text("river", 40)), Named("b", Text("mountain", 40))};
  const CalibrationTokens all = *CutCalibrationTokens(*model, texts, 9, 60);
  const CalibrationTokens some = *CutCalibrationTokens(*model, texts, 6, 60, 3);
  ASSERT_EQ(some.windows.size(), 6u);
  ASSERT_EQ(some.held_out.size(), 3u);
  std::vector<std::vector<int32_t>> together = some.windows;
  for (const HeldOutWindow& window : some.held_out) {
    together.push_back(window.tokens);
    EXPECT_FALSE(window.line_hashes.empty());
    EXPECT_EQ(CountShared(window.line_hashes, some.line_hashes), std::ssize(window.line_hashes));
  }
  EXPECT_THAT(together, ::testing::UnorderedElementsAreArray(all.windows));
  EXPECT_EQ(some.line_hashes, all.line_hashes);
  EXPECT_EQ(some.manifest->at("windows"), 6);
  EXPECT_EQ(some.manifest->at("held_out"), 3);
  EXPECT_NE(some.manifest->at("tokens_sha256"), all.manifest->at("tokens_sha256"));

  const int64_t room = std::ssize(*model->tokenizer().Encode(texts[0].content)) / 60 +
                       std::ssize(*model->tokenizer().Encode(texts[1].content)) / 60;
  EXPECT_EQ(CutCalibrationTokens(*model, texts, room - 1, 60, 3)->held_out.size(), 1u);
  const CalibrationTokens none = *CutCalibrationTokens(*model, texts, room, 60, 3);
  EXPECT_TRUE(none.held_out.empty());
  EXPECT_FALSE(none.manifest->contains("held_out"));
}

TEST(CalibrationTokens, WindowsThatCanNotBeAreRefused) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationText texts[] = {Named("a", Text("river", 40))};
  EXPECT_FALSE(CutCalibrationTokens(*model, texts, 0, 60).ok());
  EXPECT_FALSE(CutCalibrationTokens(*model, texts, 1, 1).ok());
  EXPECT_FALSE(CutCalibrationTokens(*model, texts, 1, 65).ok());  // positions: 64
  EXPECT_FALSE(CutCalibrationTokens(*model, {}, 1, 60).ok());
}

class CalibrateTest : public ::testing::Test {
 protected:
  Status Run(const Model& model, const CalibrationTokens& tokens, const std::string& path,
             const std::function<bool(int64_t, int64_t)>& progress = {}, int threads = 2) {
    ThreadPool pool(threads);
    return Calibrate(model, tokens, path, {}, pool, progress);
  }

  TemporaryFolder folder_;
};

// The same by another way: one window at a time through the whole model, sums in float64.
std::map<std::string, std::vector<double>> Squares(const Model& model,
                                                   const CalibrationTokens& tokens) {
  const ModelConfig& c = model.config();
  ThreadPool pool(1);
  const ModelWeights weights = FindWeights(model);
  Forward forward(c, pool, ActivationType::kFloat32);
  std::map<std::string, std::vector<double>> sums;
  int64_t all = 0;
  for (const std::vector<int32_t>& window : tokens.windows) {
    const int64_t rows = std::ssize(window);
    all += rows;
    KvCache cache = *KvCache::Create(KvShape::Exact(c, c.layers, rows));
    const auto wide =
        static_cast<size_t>(rows * std::max({c.hidden_size, c.query_size(), c.intermediate_size}));
    std::vector<float> x(wide);
    std::vector<float> in(wide);
    std::vector<float> between(wide);
    const auto add = [&](int64_t layer, InputSlot slot, const std::vector<float>& values,
                         int64_t width) {
      std::vector<double>& h = sums[InputName(static_cast<int>(layer), slot)];
      h.resize(static_cast<size_t>(width * width));
      for (int64_t r = 0; r < rows; ++r) {
        const float* row = values.data() + r * width;
        for (int64_t i = 0; i < width * width; ++i) {
          h[static_cast<size_t>(i)] += double{row[i / width]} * double{row[i % width]};
        }
      }
    };
    forward.Begin(0, rows);
    forward.Embed(weights, window, x.data());
    for (int64_t layer = 0; layer < c.layers; ++layer) {
      const LayerWeights& w = weights.layers[static_cast<size_t>(layer)];
      forward.AttentionInput(w, x.data(), in.data());
      add(layer, InputSlot::kAttention, in, c.hidden_size);
      forward.Attend(w, layer, in.data(), cache, layer, between.data());
      add(layer, InputSlot::kOutput, between, c.query_size());
      forward.FinishAttention(w, between.data(), x.data());
      forward.MlpInput(w, x.data(), in.data());
      add(layer, InputSlot::kMlp, in, c.hidden_size);
      forward.MlpInner(w, in.data(), between.data());
      add(layer, InputSlot::kDown, between, c.intermediate_size);
      forward.FinishMlp(w, between.data(), x.data());
    }
    forward.HeadInput(weights, x.data(), rows, in.data());
    add(-1, InputSlot::kHead, in, c.hidden_size);
  }
  for (auto& [name, h] : sums) {
    for (double& value : h) value /= static_cast<double>(all);
  }
  return sums;
}

TEST_F(CalibrateTest, MomentsAreThoseOfTheActivationsOfTheWholeModel) {
  for (const char* family : {"llama", "qwen2", "gpt2", "gemma3"}) {
    const std::unique_ptr<Model> model = Load(family);
    const CalibrationTokens tokens = Cut(*model, 3, 40);
    const std::string path = folder_ / family;
    ASSERT_TRUE(Run(*model, tokens, path).ok());
    const auto file = *CalibrationFile::Open(path);
    const auto expected = Squares(*model, tokens);
    EXPECT_EQ(file->manifest().at("inputs").size(), expected.size()) << family;
    for (const auto& [name, h] : expected) {
      const Result<SecondMoments> moments = file->Moments(name);
      ASSERT_TRUE(moments.ok()) << moments.status().message();
      EXPECT_EQ(moments->count, 120);
      ASSERT_EQ(moments->hessian.size(), h.size()) << family << " " << name;
      double largest = 0;
      for (const double value : h) largest = std::max(largest, std::abs(value));
      for (size_t i = 0; i < h.size(); ++i) {
        // 120 roundings of sums of at most the largest mean square, by Cauchy and Schwarz.
        ASSERT_NEAR(moments->hessian[i], h[i], std::ldexp(largest, -24) * 121)
            << family << " " << name << " " << i;
      }
    }
    for (const NamedMatrix& named : model->matrices()) {
      const Result<SecondMoments> moments = file->Moments(InputNameOf(named));
      ASSERT_TRUE(moments.ok()) << named.name;
      EXPECT_EQ(moments->cols, named.matrix.cols) << named.name;
    }
  }
}

TEST_F(CalibrateTest, BytesAreTheSameForAnyNumberOfThreads) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationTokens tokens = Cut(*model, 3, 40);
  ASSERT_TRUE(Run(*model, tokens, folder_ / "one", {}, 1).ok());
  ASSERT_TRUE(Run(*model, tokens, folder_ / "three", {}, 3).ok());
  EXPECT_EQ(Bytes(folder_ / "one"), Bytes(folder_ / "three"));
}

TEST_F(CalibrateTest, StoppedAnywhereItGoesOnToTheSameBytes) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationTokens tokens = Cut(*model, 3, 40);
  int64_t calls = 0;
  ASSERT_TRUE(
      Run(*model, tokens, folder_ / "whole", [&](int64_t, int64_t) { return ++calls > 0; }).ok());
  EXPECT_EQ(calls, 3 * 3);  // windows, and two blocks and the head
  EXPECT_FALSE(PathExists(folder_ / "whole.partial"));
  const std::string path = folder_ / "stopped";
  for (int64_t stop = 0; stop < calls; ++stop) {
    const Status stopped =
        Run(*model, tokens, path, [&](int64_t done, int64_t) { return done < stop; });
    ASSERT_EQ(stopped.code(), StatusCode::kInterrupted) << stop;
    EXPECT_FALSE(PathExists(path));
    int64_t first = -1;
    ASSERT_TRUE(Run(*model, tokens, path, [&](int64_t done, int64_t) {
                  if (first < 0) first = done;
                  return true;
                }).ok());
    EXPECT_EQ(first, stop / 3 * 3) << "finished steps are not done again";
    EXPECT_EQ(Bytes(path), Bytes(folder_ / "whole")) << stop;
    ASSERT_TRUE(RemoveAll(path).ok());
  }
}

TEST_F(CalibrateTest, PartialsOfSomethingElseOrBrokenOnesAreNotUsed) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationTokens tokens = Cut(*model, 3, 40);
  ASSERT_TRUE(Run(*model, tokens, folder_ / "whole").ok());
  const auto stop_in_head = [](int64_t done, int64_t) { return done < 7; };
  const std::string path = folder_ / "stopped";

  ASSERT_FALSE(Run(*model, Cut(*model, 3, 32), path, stop_in_head).ok());  // other tokens
  ASSERT_TRUE(Run(*model, tokens, path).ok());
  EXPECT_EQ(Bytes(path), Bytes(folder_ / "whole"));

  for (const char* name :
       {"moments-0000.safetensors", "moments-0001.safetensors", "stream-0002.f32", "run.json"}) {
    ASSERT_TRUE(RemoveAll(path).ok());
    ASSERT_FALSE(Run(*model, tokens, path, stop_in_head).ok());
    const std::string part = JoinPath(path + ".partial", name);
    ASSERT_TRUE(PathExists(part)) << name;
    ASSERT_TRUE(WriteFileAtomic(part, "broken").ok());
    ASSERT_TRUE(Run(*model, tokens, path).ok()) << name;
    EXPECT_EQ(Bytes(path), Bytes(folder_ / "whole")) << name;
  }
}

TEST_F(CalibrateTest, TwoAtOnceForTheSameFileAreRefused) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationTokens tokens = Cut(*model, 1, 40);
  Status second;
  ASSERT_TRUE(Run(*model, tokens, folder_ / "file", [&](int64_t, int64_t) {
                if (second.ok()) second = Run(*model, tokens, folder_ / "file");
                return true;
              }).ok());
  EXPECT_EQ(second.code(), StatusCode::kBusy) << second.message();
}

TEST_F(CalibrateTest, MemoryThatIsTooLittleIsRefusedWithTheFigureThatWorks) {
  const std::unique_ptr<Model> model = Load("llama");
  const CalibrationTokens tokens = Cut(*model, 2, 40);
  ThreadPool pool(1);
  const Status refused = Calibrate(*model, tokens, folder_ / "f", {.memory_bytes = 1}, pool, {});
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  const size_t at = refused.message().find("needs ");
  ASSERT_NE(at, std::string::npos) << refused.message();
  const int64_t megabytes = std::stoll(refused.message().substr(at + 6));
  // A megabyte more than told: the process may have grown meanwhile.
  EXPECT_TRUE(Calibrate(*model, tokens, folder_ / "f", {.memory_bytes = (megabytes + 1) * 1000000},
                        pool, {})
                  .ok());
}

class CalibrationFileTest : public CalibrateTest {
 protected:
  void SetUp() override {
    model_ = Load("llama");
    path_ = folder_ / "file";
    ASSERT_TRUE(Run(*model_, Cut(*model_, 2, 40), path_).ok());
    bytes_ = Bytes(path_);
  }

  Result<std::unique_ptr<CalibrationFile>> OpenBytes(const std::string& bytes) {
    EXPECT_TRUE(WriteFileAtomic(folder_ / "other", bytes).ok());
    return CalibrationFile::Open(folder_ / "other");
  }

  std::unique_ptr<Model> model_;
  std::string path_;
  std::string bytes_;
};

TEST_F(CalibrationFileTest, NamesItsModelAndRefusesAnother) {
  const auto file = *CalibrationFile::Open(path_);
  const std::string hash = *Sha256OfPath(model_->path());
  EXPECT_EQ(file->manifest().at("model").at("sha256"), hash);
  EXPECT_TRUE(file->CheckModel(*model_, hash).ok());
  const std::unique_ptr<Model> other = Load("gpt2");
  const Status refused = file->CheckModel(*other, *Sha256OfPath(other->path()));
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("llama"));
  // Even with the hash: there are no moments of its matrices.
  EXPECT_FALSE(file->CheckModel(*other, hash).ok());
}

TEST_F(CalibrationFileTest, MissingInputsAreNamed) {
  const auto file = *CalibrationFile::Open(path_);
  const Status status = file->Moments("model.layers.9.mlp").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("model.layers.9.mlp"));
}

TEST_F(CalibrationFileTest, ChangedNumbersAreFound) {
  std::string changed = bytes_;
  changed.back() = static_cast<char>(changed.back() ^ 1);  // of the head's mean_abs
  const auto file = OpenBytes(changed);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_TRUE((*file)->Moments("model.layers.0.mlp").ok());
  EXPECT_EQ((*file)->Moments("head").status().code(), StatusCode::kCorrupt);
  EXPECT_EQ((*file)->sha256(), (*CalibrationFile::Open(path_))->sha256());
}

TEST_F(CalibrationFileTest, BrokenFilesAreRefused) {
  EXPECT_FALSE(OpenBytes("").ok());
  EXPECT_FALSE(OpenBytes(bytes_.substr(0, bytes_.size() - 1)).ok());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string changed = bytes_;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(from.size(), to.size());
    return OpenBytes(changed.replace(at, from.size(), to)).status();
  };
  EXPECT_EQ(replaced("crumb-calibration", "other-calibration").code(), StatusCode::kCorrupt);
  EXPECT_EQ(replaced(R"(format_version\":1)", R"(format_version\":2)").code(),
            StatusCode::kUnsupported);
  EXPECT_EQ(replaced(R"(\"cols\":32)", R"(\"cols\":33)").code(), StatusCode::kCorrupt);
  EXPECT_EQ(replaced(R"(\"cols\":32)", R"(\"cols\":-1)").code(), StatusCode::kCorrupt);
  EXPECT_EQ(replaced(R"(\"rows\":80)", R"(\"rows\":-8)").code(), StatusCode::kCorrupt);
  EXPECT_EQ(replaced(R"(\"line_hashes\":[)", R"(\"line_hashez\":[)").code(), StatusCode::kCorrupt);
  EXPECT_EQ(replaced(R"(\"inputs\":{)", R"(\"inputz\":{)").code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace crumb

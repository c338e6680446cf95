#include "quant/awq.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "base/json.h"
#include "base/temporary_folder_for_test.h"
#include "formats/packed_folder.h"
#include "model/model_test_util.h"
#include "quant/methods_for_test.h"

namespace crumb {
namespace {

// What a model computes for a few tokens, in float32: logits, or the embedding of an encoder.
std::vector<float> Outputs(const Model& model) {
  ThreadPool pool(1);
  const std::vector<int32_t> tokens = {1, 5, 9, 2, 33, 7, 12, 40};
  const auto session = model_test::ExactSession(model, pool, 16);
  if (model.config().encoder) return session->Embed(tokens).value();
  std::vector<float> logits;
  EXPECT_TRUE(session->Forward(tokens, 8, &logits).ok());
  return logits;
}

// The model with a folding of all its layers, written and read again.
std::unique_ptr<Model> Folded(const Model& model, const Folding& folding,
                              const std::string& folder) {
  ThreadPool pool(1);
  const auto writer = PackedFolderWriter::Create(folder, false).value();
  for (const NamedMatrix& named : model.matrices()) {
    EXPECT_TRUE(writer->AddMatrix(named.name, FoldMatrix(folding, named, pool)).ok());
  }
  for (const NamedTensor& tensor : model.tensors()) {
    const auto found = folding.tensors.find(tensor.name);
    EXPECT_TRUE(writer
                    ->AddTensor(tensor.name, tensor.shape,
                                found == folding.tensors.end() ? tensor.values : found->second)
                    .ok());
  }
  for (const auto& [name, content] : model.tokenizer().Files()) {
    EXPECT_TRUE(writer->AddFile(name, content).ok());
  }
  const Status written = writer->Finish(model.canonical_config(), Json::object());
  EXPECT_TRUE(written.ok()) << written.message();
  return model_test::LoadOrFail(folder, "f32");
}

// Scales of all slots of all layers between 1/4 and 4.
Folding RandomFolding(const Model& model) {
  Folding folding;
  Rng rng(17);
  for (int layer = 0; layer < model.config().layers; ++layer) {
    for (const InputSlot slot :
         {InputSlot::kDown, InputSlot::kAttention, InputSlot::kMlp, InputSlot::kOutput}) {
      std::vector<float> s(static_cast<size_t>(FoldableScales(model.config(), slot)));
      for (float& v : s) v = static_cast<float>(std::exp2(4 * rng.Uniform() - 2));
      const Status added = AddScales(model, layer, slot, s, folding);
      EXPECT_TRUE(added.ok()) << added.message();
    }
  }
  return folding;
}

// Folding rounds every weight and every activation a few times more in float32. A relative error of
// 2^-24 in each of some hundred sums of a few layers stays below 1e-4 of the largest output.
void ExpectSameOutputs(const std::string& path) {
  const std::unique_ptr<Model> model = model_test::LoadOrFail(path, "f32");
  ASSERT_NE(model, nullptr);
  const Folding folding = RandomFolding(*model);
  const TemporaryFolder folder;
  const std::unique_ptr<Model> folded = Folded(*model, folding, folder / "folded");
  ASSERT_NE(folded, nullptr);
  const std::vector<float> before = Outputs(*model);
  const std::vector<float> after = Outputs(*folded);
  ASSERT_EQ(before.size(), after.size());
  float largest = 0;
  for (const float v : before) largest = std::max(largest, std::fabs(v));
  for (size_t i = 0; i < before.size(); ++i) {
    ASSERT_NEAR(before[i], after[i], 1e-4f * largest) << i;
  }
  // And the weights are others: the first query matrix has its columns scaled.
  EXPECT_NE(folding.matrices.find("model.layers.0.self_attn.q_proj.weight"),
            folding.matrices.end());
}

TEST(Folding, LeavesTheLogitsOfALlamaUnchanged) {
  const std::string path = model_test::SharedModel("stories260K");
  if (path.empty()) GTEST_SKIP() << "models/stories260K is not beside $CRUMB_DATA";
  ExpectSameOutputs(path);
}

// Layer norms with biases and an MLP without gate; norms after attention and MLP; biases of query,
// key and value.
TEST(Folding, LeavesTheLogitsOfOtherFamiliesUnchanged) {
  for (const char* family : {"llama", "qwen2", "gemma3", "gpt2"}) {
    SCOPED_TRACE(family);
    ExpectSameOutputs(model_test::TestData(family));
  }
}

TEST(Folding, LeavesTheEmbeddingOfAnEncoderUnchanged) {
  const std::string path = model_test::CachedModel("all-minilm", "model.safetensors");
  if (path.empty()) GTEST_SKIP() << "all-MiniLM-L6-v2 is not in crumb's cache";
  ExpectSameOutputs(path.substr(0, path.rfind('/')));
}

TEST(Folding, ScalesOfOtherWidthsAndScalesThatAreNotPositiveAreRefused) {
  const std::string path = model_test::SharedModel("stories260K");
  if (path.empty()) GTEST_SKIP() << "models/stories260K is not beside $CRUMB_DATA";
  const std::unique_ptr<Model> model = model_test::LoadOrFail(path, "f32");
  Folding folding;
  std::vector<float> s(3, 1.0f);
  EXPECT_EQ(AddScales(*model, 0, InputSlot::kMlp, s, folding).code(), StatusCode::kInvalidArgument);
  s.assign(static_cast<size_t>(model->config().hidden_size), 1.0f);
  for (const float bad : {0.0f, -1.0f, std::nanf(""), INFINITY, 1e-45f}) {
    s[1] = bad;
    EXPECT_EQ(AddScales(*model, 0, InputSlot::kMlp, s, folding).code(), StatusCode::kNumerics);
  }
  EXPECT_TRUE(folding.matrices.empty());
  EXPECT_TRUE(folding.tensors.empty());
}

TEST(Awq, NeverLosesMoreThanClipOnTheRowsItSearches) {
  const SecondMoments moments = [] {
    SecondMoments m = CorrelatedMoments(192, 500, 3);
    for (size_t c = 0; c < 192; ++c) m.mean_abs[c] = std::sqrt(m.hessian[c * 193]);
    return m;
  }();
  const PackedMatrix weights = FloatMatrix(64, 192, 4);  // all rows are searched
  for (const char* codec : {"int4-g64", "int3-g64", "int2-g64"}) {
    const double clipped =
        LossOf(weights, QuantizeOrDie("clip", weights, &moments, codec), moments);
    const PackedMatrix packed = QuantizeOrDie("awq", weights, &moments, codec);
    EXPECT_FALSE(packed.input.scales.empty());
    // The stored float16 scales move the grid of the search by 2^-11 of itself.
    EXPECT_LE(LossOf(weights, packed, moments), clipped * 1.01) << codec;
  }
}

TEST(Awq, FoldsALayerAndRoundsIt) {
  const std::string path = model_test::SharedModel("stories260K");
  if (path.empty()) GTEST_SKIP() << "models/stories260K is not beside $CRUMB_DATA";
  const std::unique_ptr<Model> model = model_test::LoadOrFail(path, "f32");
  const ModelConfig& config = model->config();
  ThreadPool pool(2);
  const auto moments_of = [&](InputSlot slot) -> Result<SecondMoments> {
    const int64_t width = slot == InputSlot::kDown ? config.intermediate_size : config.hidden_size;
    SecondMoments m = CorrelatedMoments(width, 400, 9);
    for (size_t c = 0; c < m.mean_abs.size(); ++c) {
      m.mean_abs[c] = std::sqrt(m.hessian[c * (m.mean_abs.size() + 1)]);
    }
    return m;
  };
  const Codec& codec = *FindCodec("int3-g64");
  const Result<Folding> folding = FoldLayerByAwq(*model, 0, moments_of, codec, pool);
  ASSERT_TRUE(folding.ok()) << folding.status().message();
  double plain = 0;
  double scaled = 0;
  int matrices = 0;
  for (const NamedMatrix& named : model->matrices()) {
    if (named.layer != 0) continue;
    ++matrices;
    const SecondMoments moments = moments_of(SlotOf(named.role)).value();
    const auto factors = folding->matrices.find(named.name);
    ASSERT_NE(factors, folding->matrices.end()) << named.name;
    EXPECT_TRUE(factors->second.input_scales.empty()) << named.name;
    const PackedMatrix folded = FoldMatrix(*folding, named, pool);
    const SecondMoments seen = FoldMoments(moments, factors->second.columns);
    const PackedMatrix packed = QuantizeFolded(*folding, named, moments, codec, pool).value();
    scaled += MeasureOutputLoss(folded, packed, seen, {}, pool).relative();
    plain +=
        MeasureOutputLoss(named.matrix, QuantizeOrDie("clip", named.matrix, &moments, "int3-g64"),
                          moments, {}, pool)
            .relative();
  }
  EXPECT_EQ(matrices, 7);
  EXPECT_LT(scaled, plain);
}

}  // namespace
}  // namespace crumb

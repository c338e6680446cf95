// A model written as a packed folder with its float codecs loads as the same model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/large_pages.h"
#include "formats/packed_folder.h"
#include "kernels/testing_matrices.h"
#include "model/large_pages.h"
#include "model/model_test_util.h"

namespace crumb {
namespace {

using testing::HasSubstr;

// Writes all of `model` but the weight named `left_out`; its matrices as `replaced` makes them.
using Replace = std::function<PackedMatrix(const PackedMatrix&)>;
Status WritePacked(
    const Model& model, const std::string& folder, const std::string& left_out,
    const Replace& replaced = [](const PackedMatrix& m) { return m; }) {
  CRUMB_ASSIGN_OR_RETURN(auto writer, PackedFolderWriter::Create(folder, /*replace=*/true));
  for (const NamedMatrix& m : model.matrices()) {
    if (m.name != left_out) CRUMB_RETURN_IF_ERROR(writer->AddMatrix(m.name, replaced(m.matrix)));
  }
  for (const NamedTensor& t : model.tensors()) {
    if (t.name != left_out) CRUMB_RETURN_IF_ERROR(writer->AddTensor(t.name, t.shape, t.values));
  }
  for (const auto& file : model.tokenizer().Files()) {
    CRUMB_RETURN_IF_ERROR(writer->AddFile(file.first, file.second));
  }
  return writer->Finish(model.canonical_config(), Json{{"method", "none"}});
}

class PackedModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    model_ = model_test::LoadOrFail(model_test::TestData(GetParam()) + "/model.gguf", "f16");
    ASSERT_NE(model_, nullptr);
    folder_ = testing::TempDir() + "/crumb_packed_model_" + GetParam();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Model> model_;
  std::string folder_;
};

TEST_P(PackedModel, LoadsAsTheSameModel) {
  const Status written = WritePacked(*model_, folder_, "");
  ASSERT_TRUE(written.ok()) << written.message();
  const auto packed = model_test::LoadOrFail(folder_, "f16");
  ASSERT_NE(packed, nullptr);
  EXPECT_TRUE(packed->config() == model_->config());
  EXPECT_EQ(packed->source(), "packed folder, weights stored as f32");
  EXPECT_EQ(packed->parameters(), model_->parameters());
  EXPECT_EQ(packed->tokenizer().vocabulary_size(), model_->tokenizer().vocabulary_size());
  ThreadPool pool(1);
  const std::vector<int32_t> tokens = {5, 6, 7, 8};
  EXPECT_EQ(model_test::AllLogits(*model_test::ExactSession(*packed, pool), tokens),
            model_test::AllLogits(*model_test::ExactSession(*model_, pool), tokens));
}

TEST_P(PackedModel, InLargePagesIsTheSameModel) {
  ASSERT_TRUE(WritePacked(*model_, folder_, "").ok());
  const auto moved = model_test::LoadOrFail(folder_, "f16");
  ASSERT_NE(moved, nullptr);
  ASSERT_EQ(MoveToLargePages(*moved, /*piece_bytes=*/256), LargePagesOffered());
  EXPECT_EQ(moved->weight_bytes(), model_->weight_bytes());
  ThreadPool pool(1);
  const std::vector<int32_t> tokens = {5, 6, 7, 8};
  EXPECT_EQ(model_test::AllLogits(*model_test::ExactSession(*moved, pool), tokens),
            model_test::AllLogits(*model_test::ExactSession(*model_, pool), tokens));
}

TEST_P(PackedModel, IsLoadedIntoLargePagesIfItsWeightsAreFewEnough) {
  ASSERT_TRUE(WritePacked(*model_, folder_, "").ok());
  const auto is_moved = [](const Model& model) {
    return std::ranges::any_of(model.matrices(), [](const NamedMatrix& m) {
      return reinterpret_cast<uintptr_t>(m.matrix.codes.data()) % (2 << 20) == 0;
    });
  };
  const int64_t bytes = model_->weight_bytes();
  const auto stays = LoadIntoLargePages(folder_, {}, bytes - 1);
  const auto moves = LoadIntoLargePages(folder_, {}, bytes);
  ASSERT_TRUE(stays.ok() && moves.ok());
  EXPECT_FALSE(is_moved(**stays));
  EXPECT_EQ(is_moved(**moves), LargePagesOffered());
  ThreadPool pool(1);
  const std::vector<int32_t> tokens = {5, 6, 7, 8};
  EXPECT_EQ(model_test::AllLogits(*model_test::ExactSession(**moves, pool), tokens),
            model_test::AllLogits(*model_test::ExactSession(**stays, pool), tokens));
}

// Weights that change their form on the way: rows of the table, one token, prompts, float and int8
// activations see the same ones, and reports the same sizes.
TEST_P(PackedModel, OfCodesThatGoIntoTilesIsTheSameModelInLargePages) {
  Rng rng(1);
  const Codec* const codecs[] = {
      Trellis1Codec(),       FindCodec("int4-g64"),   Trellis2Codec(), FindCodec("int8-g64"),
      Trellis3Codec(),       FindCodec("int3-g64"),   Trellis4Codec(), FindCodec("int2-g64"),
      FindCodec("int1-g64"), FindCodec("ternary-g64")};
  size_t next = 0;
  const auto random = [&](const PackedMatrix& m) {
    PackedMatrix trellis = RandomMatrix(codecs[next++ % std::size(codecs)], m.rows, m.cols, rng);
    trellis.input = m.input;
    return trellis;
  };
  ASSERT_TRUE(WritePacked(*model_, folder_, "", random).ok());
  const auto still = model_test::LoadOrFail(folder_, "f16");
  const auto moved = model_test::LoadOrFail(folder_, "f16");
  ASSERT_NE(still, nullptr);
  ASSERT_NE(moved, nullptr);
  ASSERT_EQ(MoveToLargePages(*moved),
            FasterForm(Trellis2Codec(), 64) != nullptr || LargePagesOffered());
  for (size_t i = 0; i < moved->matrices().size(); ++i) {
    const PackedMatrix& m = moved->matrices()[i].matrix;
    EXPECT_EQ(m.codec->name(), still->matrices()[i].matrix.codec->name());
    EXPECT_EQ(StoredBytes(m), StoredBytes(still->matrices()[i].matrix));
    EXPECT_TRUE(ValidateMatrix(m).ok());
  }
  ThreadPool pool(2);
  std::vector<int32_t> tokens(20);
  std::iota(tokens.begin(), tokens.end(), 5);
  for (const ActivationType type : {ActivationType::kInt8, ActivationType::kFloat32}) {
    const auto logits = [&](const Model& model, size_t count) {
      auto session = Session::Create(model, pool, {.activations = type});
      EXPECT_TRUE(session.ok()) << session.status().message();
      return model_test::AllLogits(**session, std::span(tokens).first(count));
    };
    for (const size_t count : {size_t{1}, size_t{3}, tokens.size()}) {
      const std::vector<float> expected = logits(*still, count);
      EXPECT_EQ(logits(*moved, count), expected);
      EXPECT_TRUE(std::ranges::all_of(expected, [](float x) { return std::isfinite(x); }));
    }
  }
}

TEST_P(PackedModel, MissingWeightIsNamed) {
  for (const std::string name : {"model.layers.1.self_attn.v_proj.weight", "model.norm.weight"}) {
    ASSERT_TRUE(WritePacked(*model_, folder_, name).ok());
    const Status status = Model::Load(folder_).status();
    EXPECT_EQ(status.code(), StatusCode::kCorrupt);
    EXPECT_THAT(status.message(), HasSubstr(name));
  }
}

INSTANTIATE_TEST_SUITE_P(Families, PackedModel, testing::Values("llama", "qwen2", "gemma3", "gpt2"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace crumb

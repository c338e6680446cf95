// Damaged and mismatched models: one line that names file and place, never a crash or a wrong
// model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "formats/safetensors.h"
#include "model/model_test_util.h"

namespace crumb {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A copy of the small llama folder, to be damaged.
class LoadErrors : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/crumb_load_errors";
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(model_test::TestData("llama"), folder_);
    ASSERT_TRUE(Model::Load(folder_).ok()) << Model::Load(folder_).status().message();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Status LoadStatus(const LoadOptions& options = {}) {
    return Model::Load(folder_, options).status();
  }

  void ChangeConfig(const std::string& key, const Json& value) {
    Json config = *ReadJsonFile(folder_ + "/config.json");
    config[key] = value;
    ASSERT_TRUE(WriteFileAtomic(folder_ + "/config.json", DumpJson(config)).ok());
  }

  // Writes the weights again after `change`.
  void ChangeTensors(const std::function<void(std::vector<TensorView>&)>& change) {
    const std::string path = folder_ + "/model.safetensors";
    const Result<SafetensorsFile> file = OpenSafetensors(path);
    ASSERT_TRUE(file.ok());
    std::vector<TensorView> tensors;
    for (const auto& entry : file->tensors.tensors()) tensors.push_back(entry.second);
    change(tensors);
    ASSERT_TRUE(WriteSafetensors(path, tensors, {}).ok());
  }

  std::string folder_;
};

TEST_F(LoadErrors, MissingPath) {
  const Status status = Model::Load(folder_ + "/nothing").status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("/nothing"));
}

TEST_F(LoadErrors, FileOfAnotherKind) {
  EXPECT_EQ(Model::Load(folder_ + "/config.json").status().code(), StatusCode::kUnsupported);
}

TEST_F(LoadErrors, FolderWithoutConfig) {
  std::filesystem::remove(folder_ + "/config.json");
  EXPECT_THAT(LoadStatus().message(), HasSubstr("config.json"));
}

TEST_F(LoadErrors, UnknownFamilyListsThoseThatAreKnown) {
  ChangeConfig("model_type", "mamba");
  const Status status = LoadStatus();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("mamba"), HasSubstr("qwen2"), HasSubstr("bert")));
}

TEST_F(LoadErrors, ShapeThatDoesNotMatchTheConfiguration) {
  ChangeConfig("intermediate_size", 50);
  const Status status = LoadStatus();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("model.layers.0.mlp.gate_proj.weight"),
                                      HasSubstr("[48, 32]"), HasSubstr("[50, 32]")));
}

TEST_F(LoadErrors, ImpossibleSizesInTheConfiguration) {
  for (const Json& value : {Json(-3), Json(0), Json(int64_t{1} << 62)}) {
    ChangeConfig("num_hidden_layers", value);
    EXPECT_EQ(LoadStatus().code(), StatusCode::kCorrupt) << value;
  }
  ChangeConfig("num_hidden_layers", 2);
  ChangeConfig("num_attention_heads", 0);
  EXPECT_EQ(LoadStatus().code(), StatusCode::kCorrupt);
}

TEST_F(LoadErrors, MissingTensorIsNamed) {
  ChangeTensors([](std::vector<TensorView>& tensors) {
    std::erase_if(tensors, [](const TensorView& t) { return t.name == "model.norm.weight"; });
  });
  const Status status = LoadStatus();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(folder_), HasSubstr("model.norm.weight")));
}

TEST_F(LoadErrors, TensorWithoutAPlaceIsNamed) {
  ChangeTensors([](std::vector<TensorView>& tensors) {
    TensorView extra = tensors.front();
    extra.name = "model.layers.0.self_attn.q_proj.bias";
    tensors.push_back(extra);
  });
  const Status status = LoadStatus();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_THAT(status.message(), HasSubstr("q_proj.bias"));
}

TEST_F(LoadErrors, NanInAMatrixOrANormIsNamed) {
  for (const std::string name : {"model.layers.1.mlp.up_proj.weight", "model.norm.weight"}) {
    std::filesystem::copy(model_test::TestData("llama/model.safetensors"),
                          folder_ + "/model.safetensors",
                          std::filesystem::copy_options::overwrite_existing);
    std::vector<std::byte> damaged;
    ChangeTensors([&](std::vector<TensorView>& tensors) {
      for (TensorView& tensor : tensors) {
        if (tensor.name != name) continue;
        damaged.assign(tensor.bytes.begin(), tensor.bytes.end());
        const uint16_t nan = 0x7e00;
        std::memcpy(damaged.data() + 6, &nan, 2);
        tensor.bytes = damaged;
      }
    });
    const Status status = LoadStatus();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), AllOf(HasSubstr("model.safetensors"), HasSubstr(name)));
  }
}

TEST_F(LoadErrors, TokenizerLargerThanTheTableGivesBothNumbers) {
  Json tokenizer = *ReadJsonFile(folder_ + "/tokenizer.json");
  tokenizer["model"]["vocab"]["extra"] = 262;
  ASSERT_TRUE(WriteFileAtomic(folder_ + "/tokenizer.json", DumpJson(tokenizer)).ok());
  const Status status = LoadStatus();
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("263"), HasSubstr("262")));
}

TEST_F(LoadErrors, UnknownDecodeTarget) {
  const Status status = LoadStatus({.decode_to = "int4-g64"});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("int4-g64"));
}

TEST_F(LoadErrors, FloatsAreUsedWhereTheyLieUnlessToldOtherwise) {
  const Result<std::unique_ptr<Model>> mapped = Model::Load(folder_, {.decode_to = "f32"});
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ((*mapped)->source(), "safetensors, weights stored as f16");
  const Result<std::unique_ptr<Model>> converted =
      Model::Load(folder_, {.decode_to = "f32", .convert_floats = true});
  ASSERT_TRUE(converted.ok());
  EXPECT_EQ((*converted)->source(), "safetensors, weights stored as f16, decoded to f32");
  EXPECT_GT((*converted)->weight_bytes(), (*mapped)->weight_bytes());
  ThreadPool pool(1);
  const std::vector<int32_t> tokens = {1, 2, 3, 4};
  EXPECT_LE(model_test::LargestDifference(
                model_test::AllLogits(*model_test::ExactSession(**mapped, pool), tokens),
                model_test::AllLogits(*model_test::ExactSession(**converted, pool), tokens)),
            1e-4);
}

}  // namespace
}  // namespace crumb

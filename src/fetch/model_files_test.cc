#include "fetch/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> Chosen(const std::vector<OfferedFile>& offered, std::string_view wanted) {
  const Result<ModelChoice> choice = ChooseModelFiles(offered, wanted, "pypi:x");
  std::vector<std::string> names;
  if (!choice.ok()) return names;
  for (const size_t i : choice->files) names.push_back(offered[i].path.substr(choice->root.size()));
  return names;
}

TEST(ModelFiles, TheFolderAroundTheWeightsIsTaken) {
  EXPECT_THAT(
      Chosen({{"p/__init__.py"},
              {"p/model/config.json"},
              {"p/model/model.safetensors"},
              {"p/model/1_Pooling/config.json"},
              {"p/model/README.md"},
              {"p/model/onnx/model.safetensors"},
              {"p/model/vocab.txt"}},
             ""),
      ElementsAre("config.json", "model.safetensors", "1_Pooling/config.json", "vocab.txt"));
}

TEST(ModelFiles, WithAnIndexOnlyTheShardsAreTaken) {
  EXPECT_THAT(Chosen({{"config.json"},
                      {"model.safetensors.index.json"},
                      {"model-00001-of-00002.safetensors"},
                      {"model-00002-of-00002.safetensors"},
                      {"consolidated.safetensors"}},
                     ""),
              ElementsAre("config.json", "model.safetensors.index.json",
                          "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
}

TEST(ModelFiles, TheOnlyGgufIsTakenAndSeveralNeedAChoice) {
  EXPECT_THAT(Chosen({{"a/x.gguf"}, {"config.json"}}, ""), ElementsAre("x.gguf"));
  const std::vector<OfferedFile> two = {{"x-Q4_0.gguf"}, {"x-Q8_0.gguf"}};
  EXPECT_THAT(Chosen(two, "x-Q8_0.gguf"), ElementsAre("x-Q8_0.gguf"));
  const Result<ModelChoice> open = ChooseModelFiles(two, "", "hf:a/b");
  ASSERT_FALSE(open.ok());
  EXPECT_THAT(open.status().message(), HasSubstr("x-Q4_0.gguf, x-Q8_0.gguf"));
  EXPECT_EQ(ChooseModelFiles(two, "y.gguf", "hf:a/b").status().code(), StatusCode::kNotFound);
}

TEST(ModelFiles, NoModelIsAnError) {
  EXPECT_EQ(ChooseModelFiles({}, "", "pypi:x").status().code(), StatusCode::kNotFound);
  const std::vector<OfferedFile> no_weights = {{"config.json"}, {"pytorch_model.bin"}};
  EXPECT_EQ(ChooseModelFiles(no_weights, "", "pypi:x").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace crumb

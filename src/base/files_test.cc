#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/large_pages.h"
#include "base/temporary_folder_for_test.h"

namespace crumb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFile, HoldsTheBytesOfTheFile) {
  const TemporaryFolder folder;
  const std::string content(100000, 'x');
  ASSERT_TRUE(WriteFileAtomic(folder / "a", content).ok());
  const auto file = MappedFile::Open(folder / "a");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Text(**file), content);
  EXPECT_EQ((*file)->path(), folder / "a");
}

TEST(MappedFile, OfNoBytesIsEmpty) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "a", "").ok());
  const auto file = MappedFile::Open(folder / "a");
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->bytes().empty());
}

TEST(MappedFile, StaysValidWhenTheFileIsReplacedOrRemoved) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "a", "old").ok());
  const auto file = MappedFile::Open(folder / "a");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(WriteFileAtomic(folder / "a", "new text").ok());
  EXPECT_EQ(Text(**file), "old");
  ASSERT_TRUE(RemoveAll(folder / "a").ok());
  EXPECT_EQ(Text(**file), "old");
}

TEST(MappedFile, ReleasedBytesAreReadAgainAndOtherBytesAreLeftAlone) {
  const TemporaryFolder folder;
  const std::string content(100000, 'x');
  ASSERT_TRUE(WriteFileAtomic(folder / "a", content).ok());
  const auto file = MappedFile::Open(folder / "a");
  ASSERT_TRUE(file.ok());
  ReleaseFilePages((*file)->bytes());
  ReleaseFilePages((*file)->bytes().subspan(5000, 70000));
  EXPECT_EQ(Text(**file), content);
  const std::string other = content;
  ReleaseFilePages(std::as_bytes(std::span(other)));
  EXPECT_EQ(other, content);
}

TEST(MappedFile, MissingFileAndFolderAreErrorsWithTheirName) {
  const TemporaryFolder folder;
  const auto missing = MappedFile::Open(folder / "none");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr(folder / "none"));
  EXPECT_FALSE(MappedFile::Open(folder.path()).ok());
}

TEST(ReadFile, ReadsAllOrRefuses) {
  const TemporaryFolder folder;
  const std::string content = std::string(200000, 'y') + '\0' + "end";
  ASSERT_TRUE(WriteFileAtomic(folder / "a", content).ok());
  EXPECT_EQ(*ReadFile(folder / "a"), content);
  EXPECT_TRUE(ReadFile(folder / "a", static_cast<int64_t>(content.size())).ok());
  const auto larger = ReadFile(folder / "a", static_cast<int64_t>(content.size()) - 1);
  ASSERT_FALSE(larger.ok());
  EXPECT_EQ(larger.status().code(), StatusCode::kCorrupt);
  EXPECT_FALSE(ReadFile(folder.path()).ok());
}

TEST(AtomicFile, IsThereOnlyAfterCommit) {
  const TemporaryFolder folder;
  auto file = AtomicFile::Create(folder / "a");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->Append("one ").ok());
  ASSERT_TRUE(file->Append("two").ok());
  EXPECT_EQ(file->size(), 7);
  EXPECT_FALSE(PathExists(folder / "a"));
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(*ReadFile(folder / "a"), "one two");
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("a"));
}

TEST(AtomicFile, UncommittedLeavesNothingBehindAndTheOldFileAlone) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "a", "old").ok());
  {
    auto file = AtomicFile::Create(folder / "a");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append("half of the new").ok());
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.Append(" text").ok());
  }
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("a"));
  EXPECT_EQ(*ReadFile(folder / "a"), "old");
}

TEST(AtomicFile, MoveAssignmentDropsWhatWasOpen) {
  const TemporaryFolder folder;
  auto first = AtomicFile::Create(folder / "a");
  auto second = AtomicFile::Create(folder / "b");
  ASSERT_TRUE(first.ok() && second.ok());
  *first = std::move(*second);
  ASSERT_TRUE(first->Commit().ok());
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("b"));
}

TEST(AtomicFile, CommitThatCanNotRenameLeavesNothingBehind) {
  const TemporaryFolder folder;
  ASSERT_TRUE(MakeFolders(folder / "a/full").ok());
  EXPECT_FALSE(WriteFileAtomic(folder / "a", "text").ok());  // "a" is a folder
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("a"));
}

TEST(AtomicFile, FolderThatIsNotThereIsAnErrorWithThePath) {
  const TemporaryFolder folder;
  const auto file = AtomicFile::Create(folder / "none/a");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.status().message(), HasSubstr(folder / "none/a"));
}

TEST(AtomicFolder, IsThereOnlyAfterCommit) {
  const TemporaryFolder folder;
  auto out = AtomicFolder::Create(folder / "deep/model/", false);
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(out->temporary(), "x"), "1").ok());
  EXPECT_FALSE(PathExists(folder / "deep/model"));
  ASSERT_TRUE(out->Commit().ok());
  EXPECT_EQ(*ReadFile(folder / "deep/model/x"), "1");
  EXPECT_THAT(*ListFolder(folder / "deep"), ElementsAre("model"));
}

TEST(AtomicFolder, UncommittedLeavesNothingBehind) {
  const TemporaryFolder folder;
  {
    auto out = AtomicFolder::Create(folder / "model", false);
    ASSERT_TRUE(out.ok());
    ASSERT_TRUE(WriteFileAtomic(JoinPath(out->temporary(), "x"), "1").ok());
  }
  EXPECT_THAT(*ListFolder(folder.path()), IsEmpty());
}

TEST(AtomicFolder, ReplacesOnlyWhenAsked) {
  const TemporaryFolder folder;
  ASSERT_TRUE(MakeFolders(folder / "model").ok());
  ASSERT_TRUE(WriteFileAtomic(folder / "model/old", "1").ok());
  const auto refused = AtomicFolder::Create(folder / "model", false);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr(folder / "model"));
  auto out = AtomicFolder::Create(folder / "model", true);
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(out->temporary(), "new"), "2").ok());
  EXPECT_THAT(*ListFolder(folder / "model"), ElementsAre("old"));
  ASSERT_TRUE(out->Commit().ok());
  EXPECT_THAT(*ListFolder(folder / "model"), ElementsAre("new"));
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("model"));
}

TEST(AtomicFolder, ClearsWhatAKilledProcessLeft) {
  const TemporaryFolder folder;
  ASSERT_TRUE(MakeFolders(folder / "model.tmp-abc123/sub").ok());
  ASSERT_TRUE(MakeFolders(folder / "model2.tmp-abc123").ok());  // of another folder
  auto out = AtomicFolder::Create(folder / "model", false);
  ASSERT_TRUE(out.ok());
  ASSERT_TRUE(out->Commit().ok());
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("model", "model2.tmp-abc123"));
}

TEST(AtomicFolder, LeavesAloneWhatAnotherWriterIsFilling) {
  const TemporaryFolder folder;
  auto first = AtomicFolder::Create(folder / "model", true);
  ASSERT_TRUE(first.ok());
  auto second = AtomicFolder::Create(folder / "model", true);
  ASSERT_TRUE(second.ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(first->temporary(), "from"), "first").ok());
  ASSERT_TRUE(WriteFileAtomic(JoinPath(second->temporary(), "from"), "second").ok());
  ASSERT_TRUE(first->Commit().ok());
  ASSERT_TRUE(second->Commit().ok());
  EXPECT_EQ(*ReadFile(folder / "model/from"), "second");
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("model"));
}

TEST(AtomicFolder, FileInItsPlaceIsAnError) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "model", "a file").ok());
  EXPECT_FALSE(AtomicFolder::Create(folder / "model", true).ok());
  EXPECT_EQ(*ReadFile(folder / "model"), "a file");
}

TEST(Files, SizesAndLists) {
  const TemporaryFolder folder;
  ASSERT_TRUE(MakeFolders(folder / "d/e").ok());
  ASSERT_TRUE(WriteFileAtomic(folder / "b", "12345").ok());
  ASSERT_TRUE(WriteFileAtomic(folder / "d/e/c", "123").ok());
  EXPECT_EQ(*FileSize(folder / "b"), 5);
  EXPECT_EQ(*FolderSize(folder.path()), 8);
  EXPECT_THAT(*ListFolder(folder.path()), ElementsAre("b", "d"));
  EXPECT_TRUE(IsFolder(folder / "d"));
  EXPECT_FALSE(IsFolder(folder / "b"));
  EXPECT_FALSE(FileSize(folder / "none").ok());
  EXPECT_FALSE(FolderSize(folder / "none").ok());
  EXPECT_FALSE(ListFolder(folder / "none").ok());
  EXPECT_TRUE(RemoveAll(folder / "none").ok());
  EXPECT_GT(*FreeDiskBytes(folder / "not/yet/there"), 0);
}

TEST(Paths, AreSplitAtTheLastSlash) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(BaseName("/a/b c.gguf"), "b c.gguf");
  EXPECT_EQ(BaseName("a/b/"), "b");
  EXPECT_EQ(BaseName("b"), "b");
  EXPECT_EQ(DirName("/a/b"), "/a");
  EXPECT_EQ(DirName("a/b/"), "a");
  EXPECT_EQ(DirName("/b"), "/");
  EXPECT_EQ(DirName("b"), ".");
}

}  // namespace
}  // namespace crumb

#include "eval/text_source.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/files.h"
#include "base/sha256.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A folder of its own that goes away with the test.
class TextSource : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = JoinPath(::testing::TempDir(), "crumb text " + std::to_string(getpid()));
    ASSERT_TRUE(MakeFolders(folder_).ok());
  }
  void TearDown() override { EXPECT_TRUE(RemoveAll(folder_).ok()); }

  std::string Write(const std::string& name, const std::string& content) {
    std::string path = JoinPath(folder_, name);
    EXPECT_TRUE(MakeFolders(DirName(path)).ok());
    EXPECT_TRUE(WriteFileAtomic(path, content).ok());
    return path;
  }
  void WriteBook(const std::string& suffix, const std::string& body) {
    for (int chapter = 1; chapter <= 12; ++chapter) {
      Write(fmt::format("usr/share/debian-reference/ch{:02}.{}.html", chapter, suffix),
            fmt::format("<p>{} ({:02})</p>", body, chapter));
    }
  }
  std::string folder_;
};

constexpr char kChineseSentence[] = "这里有一些基本的方法可以让你获得系统提示符";
constexpr char kEnglishSentence[] = "Here are a few basic methods to gain the root shell prompt";

TEST_F(TextSource, EvaluationAndCalibrationShareNoChapterAndBothAreNamed) {
  WriteBook("en", kEnglishSentence);
  const EvaluationText evaluation = DebianReference("en", false, folder_).value();
  const EvaluationText calibration = DebianReference("en", true, folder_).value();
  for (int chapter = 1; chapter <= 12; ++chapter) {
    const std::string mark =
        std::string("(") + (chapter < 10 ? "0" : "") + std::to_string(chapter) + ")";
    const bool in_evaluation = evaluation.content.find(mark) != std::string::npos;
    const bool in_calibration = calibration.content.find(mark) != std::string::npos;
    EXPECT_NE(in_evaluation, in_calibration) << chapter;
  }
  EXPECT_THAT(evaluation.source, HasSubstr("chapters 1-5"));
  EXPECT_THAT(calibration.source, HasSubstr("chapters 6-12"));
  EXPECT_EQ(evaluation.sha256, Sha256Hex(evaluation.content));
}

TEST_F(TextSource, TheChineseTextHasOnlyParagraphsMostlyHan) {
  Write("usr/share/debian-reference/ch01.zh-cn.html", std::string("<p>") + kChineseSentence +
                                                          " root</p><p>" + kEnglishSentence +
                                                          " 中文</p><p>目录</p>");
  for (int chapter = 2; chapter <= 5; ++chapter) {
    Write("usr/share/debian-reference/ch0" + std::to_string(chapter) + ".zh-cn.html", "");
  }
  const EvaluationText text = DebianReference("zh", false, folder_).value();
  EXPECT_EQ(text.content, std::string(kChineseSentence) + " root\n\n");
  EXPECT_THAT(text.source, HasSubstr("zh-cn"));
}

TEST_F(TextSource, FragmentsAndForeignParagraphsAreNotEnglishProse) {
  WriteBook("en", std::string(kEnglishSentence) + "</p><p>See ls(1)</p><p>" + kChineseSentence +
                      kChineseSentence + kChineseSentence);
  const std::string content = DebianReference("en", false, folder_).value().content;
  EXPECT_THAT(content, HasSubstr(kEnglishSentence));
  EXPECT_THAT(content, Not(HasSubstr("See ls")));
  EXPECT_THAT(content, Not(HasSubstr("系统")));
}

TEST_F(TextSource, AMissingBookNamesThePackage) {
  const Result<EvaluationText> zh = DebianReference("zh", false, folder_);
  ASSERT_FALSE(zh.ok());
  EXPECT_EQ(zh.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(zh.status().message(), HasSubstr("debian-reference-zh-cn"));
  EXPECT_EQ(DebianReference("fr", false, folder_).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(TextSource, ABookWithoutProseIsAnError) {
  WriteBook("en", "no");
  EXPECT_EQ(DebianReference("en", false, folder_).status().code(), StatusCode::kCorrupt);
}

TEST_F(TextSource, TheInstalledBookHasMatchingTextsInBothLanguages) {
  const Result<EvaluationText> en = DebianReference("en", false);
  const Result<EvaluationText> zh = DebianReference("zh", false);
  if (!en.ok() || !zh.ok()) {
    GTEST_SKIP() << "needs the packages debian-reference-en and debian-reference-zh-cn";
  }
  EXPECT_GT(en->content.size(), 100'000u);
  EXPECT_GT(zh->content.size(), 100'000u);
  for (const EvaluationText* text : {&*en, &*zh}) {
    EXPECT_THAT(text->content, Not(HasSubstr("<code")));
    EXPECT_THAT(text->content, Not(HasSubstr("&amp;")));
  }
}

TEST_F(TextSource, AUsersFileKeepsItsBytes) {
  const std::string content = "Zwei\r\n中文 \xF0\x9F\x98\x80\n";
  const EvaluationText text = TextFile(Write("my text.txt", content)).value();
  EXPECT_EQ(text.content, content);
  EXPECT_EQ(text.name, "my text.txt");
  EXPECT_EQ(text.sha256, Sha256Hex(content));
  EXPECT_THAT(text.source, Not(HasSubstr(folder_)));
}

TEST_F(TextSource, BytesThatAreNotUtf8AreAnErrorWithTheirPosition) {
  const std::string bad[] = {"abc\xff", "abc\xc0\x80", "abc\xed\xa0\x80", "abc\xe4\xb8"};
  for (const std::string& content : bad) {
    const Result<EvaluationText> text = TextFile(Write("bad.txt", content));
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(text.status().message(), HasSubstr("bad.txt: byte 3 "));
  }
  EXPECT_EQ(TextFile(Write("empty.txt", "")).status().code(), StatusCode::kCorrupt);
  EXPECT_FALSE(TextFile(JoinPath(folder_, "missing.txt")).ok());
}

TEST_F(TextSource, StsbPairsAreReadWithQuotesAsTheyAre) {
  const std::string path = Write("sts.tsv",
                                 "main\tMSRvid\t2012\t0024\t2.500\tA \"girl is.\tA girl\" is.\r\n"
                                 "main\tMSRvid\t2012\t0025\t5\tOne.\tTwo.\textra\textra\n\n");
  const std::vector<SentencePair> pairs = ReadStsb(path).value();
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].score, 2.5);
  EXPECT_EQ(pairs[0].a, "A \"girl is.");
  EXPECT_EQ(pairs[0].b, "A girl\" is.");
  EXPECT_EQ(pairs[1].b, "Two.");
}

TEST_F(TextSource, BadStsbLinesAreNamed) {
  const std::string good = "a\tb\tc\td\t1\tx\ty\n";
  for (const std::string bad : {"a\tb\tc\td\t1\tx", "a\tb\tc\td\t6\tx\ty", "a\tb\tc\td\tnan\tx\ty",
                                "a\tb\tc\td\t1x\tx\ty", "a\tb\tc\td\t1\t\ty"}) {
    const auto pairs = ReadStsb(Write("bad.tsv", good + bad));
    ASSERT_FALSE(pairs.ok()) << bad;
    EXPECT_EQ(pairs.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(pairs.status().message(), HasSubstr("bad.tsv: line 2: "));
  }
  EXPECT_FALSE(ReadStsb(Write("none.tsv", "\n")).ok());
}

TEST_F(TextSource, DataFilesAreFoundThroughTheVariable) {
  const char* before = std::getenv("CRUMB_DATA");
  const std::string saved = before == nullptr ? "" : before;
  Write("stsb/sts-test.tsv", "x");
  setenv("CRUMB_DATA", folder_.c_str(), 1);
  EXPECT_EQ(FindDataFile("stsb/sts-test.tsv").value(), JoinPath(folder_, "stsb/sts-test.tsv"));
  EXPECT_EQ(FindDataFile("no/such").status().code(), StatusCode::kNotFound);
  unsetenv("CRUMB_DATA");
  EXPECT_THAT(FindDataFile("stsb/sts-test.tsv").status().message(), HasSubstr("set CRUMB_DATA"));
  if (before != nullptr) setenv("CRUMB_DATA", saved.c_str(), 1);
}

}  // namespace
}  // namespace crumb

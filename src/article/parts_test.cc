// The library's format, facts and conditions, holes, and what the composer explains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "article/compose.h"
#include "article/study_for_test.h"

namespace crumb::article {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Result<Library> Parsed(std::string_view text) {
  const EmbeddedFile file{"made-up.txt", text};
  return Library::Parse({&file, 1});
}

struct Fixture {
  FakeStudy study = WithUnits(FakeStudy::Methods());
  StudyRows rows = StudyRows::Index(study.rows).value();
  Facts facts{rows, Library::Own()};
  WordTable words;
  Filled Told(std::string_view text) { return Fill(text, {&Library::Own(), &facts, &words}); }
  std::string Joined(std::string_view text) {
    std::string joined;
    for (const Piece& piece : Told(text).pieces) joined += piece.text;
    return joined;
  }
};

TEST(Library, ParsesEntriesFieldsAndContinuations) {
  const Result<Library> library =
      Parsed("# a comment\n[challenge one]\ntitle: 甲\ntext: 乙，\n  丙。\nneeds: a\nneeds: b\n");
  ASSERT_TRUE(library.ok()) << library.status().message();
  const Entry* entry = library->Find("challenge", "one");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->Get("text"), "乙，丙。");
  EXPECT_EQ(entry->All("needs").size(), 2U);
}

TEST(Library, FaultsNameFileAndLine) {
  for (const auto& [text, place] :
       {std::pair<const char*, const char*>{"title: 甲\n", "made-up.txt:1"},
        {"[challenge a]\nsurprise: 甲\n", "made-up.txt:2"},
        {"[poem a]\n", "made-up.txt:1"},
        {"[challenge]\n", "made-up.txt:1"}}) {
    const Result<Library> library = Parsed(text);
    ASSERT_FALSE(library.ok());
    EXPECT_THAT(library.status().message(), HasSubstr(place));
  }
  EXPECT_FALSE(Parsed("[challenge a]\n[challenge a]\n").ok());
}

TEST(Library, OwnIsWideEnough) {
  const Library& library = Library::Own();
  EXPECT_GE(library.Part("opening").size(), 8U);
  EXPECT_GE(library.Part("analogy").size(), 6U);
  EXPECT_GE(library.Part("challenge").size(), 16U);
  EXPECT_GE(library.Part("use").size(), 10U);
  EXPECT_GE(library.Part("misuse").size(), 8U);
  for (const char* step : {"mapping", "calibration", "optimization"}) {
    EXPECT_GE(library.Part(step).size(), 2U);
  }
  for (const Entry* audience : library.Part("audience")) {
    EXPECT_GE(std::ranges::count_if(
                  library.Part("heuristic"),
                  [&](const Entry* one) { return one->Names("audience", audience->id); }),
              2);
  }
  EXPECT_EQ(library.Part("topic").size(), 6U);
  EXPECT_EQ(library.Part("tag").size(), 7U);
}

TEST(Library, EveryChallengeHasItsParts) {
  for (const Entry* entry : Library::Own().Part("challenge")) {
    const std::string& text = entry->Get("text");
    EXPECT_TRUE(text.starts_with("没想到")) << entry->id;
    EXPECT_NE(text.find("原因是"), std::string::npos) << entry->id;
    EXPECT_TRUE(text.find("做法是") != std::string::npos ||
                text.find("缓解的办法是") != std::string::npos)
        << entry->id;
    EXPECT_NE(text.find("{{"), std::string::npos) << entry->id;
  }
}

TEST(Cast, TheArticleIsAboutTheSmallestUsableVersion) {
  Fixture f;
  EXPECT_EQ(f.facts.SubjectOf("main"), "trellis3+embed8");
  EXPECT_EQ(f.facts.SubjectOf("rounded"), "int3+embed8");
  EXPECT_EQ(f.facts.SubjectOf("edge"), "trellis2+embed8");
  EXPECT_EQ(f.facts.SubjectOf("nobody"), "");
}

TEST(Cast, NamesHaveNoAbbreviation) {
  Fixture f;
  for (const std::string& subject : f.rows.variants()) {
    for (const char c : VariantName(f.rows, subject)) {
      EXPECT_FALSE(std::isalnum(static_cast<unsigned char>(c)) != 0 && c > 0) << subject;
    }
  }
}

TEST(Facts, ComparisonsNeedIntervalsThatDoNotTouch) {
  Fixture f;
  EXPECT_TRUE(f.facts.Check("ref.memory > main.memory").holds);
  EXPECT_FALSE(f.facts.Check("main.memory > ref.memory").holds);
  EXPECT_TRUE(f.facts.Check("main.ratio.zh > main.ratio.en").holds);
  EXPECT_FALSE(f.facts.Check("main.ratio.zh ~ main.ratio.en").holds);
  EXPECT_TRUE(f.facts.Check("main.load ~ two.load").holds);
  EXPECT_FALSE(f.facts.Check("main.load < two.load").holds);
  EXPECT_TRUE(f.facts.Check("main.peak/ref > main.memory/ref").holds);
}

TEST(Facts, WhatIsMissingHasItsCommand) {
  Fixture f;
  const Condition condition = f.facts.Check("main.change.task < 0");
  EXPECT_FALSE(condition.holds);
  EXPECT_THAT(condition.run, HasSubstr("--task"));
  EXPECT_EQ(f.facts.Check("main.memory > ref.memory").run, "");
}

TEST(Facts, AContradictionCountsBeforeAGap) {
  Fixture f;
  EXPECT_EQ(f.facts.CheckAll({"main.change.task < 0", "main.memory > ref.memory"}).run, "");
}

TEST(Fill, AHoleWithoutAFactFailsTheWholeText) {
  Fixture f;
  EXPECT_FALSE(f.Told("答对率{{main.accuracy.task}}").ok);
  EXPECT_FALSE(f.Told("{{main.nonsense}}").ok);
  EXPECT_FALSE(f.Told("{{$unknown}}").ok);
  EXPECT_FALSE(f.Told("{{main.memory").ok);
  EXPECT_FALSE(f.Told("升到{{main.memory/ref|unit up-to}}").ok);
}

TEST(Fill, TheHoleSaysHowTheNumberFollowsFromTheRow) {
  Fixture f;
  const Filled filled = f.Told("减少了{{main.memory/ref|change down}}");
  ASSERT_TRUE(filled.ok);
  const Numeral& numeral = *filled.pieces[1].numeral;
  EXPECT_EQ(numeral.text, "74%");
  EXPECT_EQ(numeral.row->metric, metric::kWeightBytes);
  EXPECT_EQ(numeral.baseline->subject, "reference");
  EXPECT_EQ(numeral.scale, Scale::kChange);
  EXPECT_EQ(numeral.direction, Direction::kLower);
}

TEST(Fill, AFragmentFallsBackToTheFirstThatHolds) {
  Fixture f;
  EXPECT_THAT(f.Joined("{{>cost main}}"), HasSubstr("困惑度"));
  EXPECT_THAT(f.Joined("{{>speed main}}"), HasSubstr("提高到"));
  EXPECT_FALSE(f.Told("{{>no-such-fragment}}").ok);
}

TEST(Compose, TermsAreExplainedOnceAndVersionsIntroducedWithTheirBits) {
  Fixture f;
  Composer composer(Library::Own());
  const Pieces pieces = f.Told("{{@main}}的中文困惑度变了。{{@main}}的困惑度又变了。").pieces;
  composer.Paragraph(pieces, f.facts);
  const std::string text = composer.document().blocks[0].Text();
  EXPECT_EQ(text,
            "三位网格编码版本（网格编码是把一串数放在一起换成短代码的做法，矩阵每权重位数3.03位，"
            "全模型每权重位数4.16位）的中文困惑度（模型读一段文字时的意外程度，越小越准）变了。"
            "三位网格编码版本的困惑度又变了。");
  EXPECT_EQ(composer.numerals().size(), 2U);
}

TEST(Compose, EmphasisBecomesRuns) {
  Fixture f;
  Composer composer(Library::Own());
  composer.Paragraph(f.Told("甲**乙**丙").pieces, f.facts);
  const Block& block = composer.document().blocks[0];
  ASSERT_EQ(block.runs.size(), 3U);
  EXPECT_TRUE(block.runs[1].bold);
  EXPECT_EQ(RenderSource(composer.document()), "　　甲**乙**丙\n");
  EXPECT_EQ(RenderPlain(composer.document()), "　　甲乙丙\n");
}

TEST(Compose, TheTraceCountsEveryNumeralInOrder) {
  Fixture f;
  Composer composer(Library::Own());
  composer.Title({{"题目", {}, ""}});
  composer.Heading({{"甲", {}, ""}});
  composer.Paragraph(f.Told("内存{{main.memory}}。").pieces, f.facts);
  const std::string trace = TraceJson(composer.document(), composer.numerals());
  EXPECT_THAT(trace, AllOf(HasSubstr("\"closed\": \"section\""), HasSubstr("\"ordinal\": 2"),
                           Not(HasSubstr("\"ordinal\": 3"))));
}

}  // namespace
}  // namespace crumb::article

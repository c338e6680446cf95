#include "article/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "article/study_for_test.h"

namespace crumb::article {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Result<Article> Write(const std::deque<Study>& studies, const Request& request = Usual()) {
  return WriteArticle(studies, request, Library::Own());
}

std::string Text(const std::deque<Study>& studies, const Request& request = Usual()) {
  const Result<Article> article = Write(studies, request);
  return article.ok() ? RenderPlain(article->document) : article.status().message();
}

// The subject that the fake study's articles are about.
constexpr const char* kMain = "trellis3+embed8";

TEST(Write, TheSameRowsGiveTheSameBytes) {
  const std::deque<Study> a = AsStudies(FakeStudy::Methods());
  const std::deque<Study> b = AsStudies(FakeStudy::Methods());
  const Result<Article> first = Write(a);
  const Result<Article> second = Write(b);
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(RenderSource(first->document), RenderSource(second->document));
  EXPECT_EQ(TraceJson(first->document, first->numerals),
            TraceJson(second->document, second->numerals));
}

TEST(Write, HasSixNumberedSectionsThenTheSources) {
  const std::deque<Study> studies = AsStudies(FakeStudy::Methods());
  const Result<Article> article = Write(studies);
  ASSERT_TRUE(article.ok()) << article.status().message();
  std::vector<std::string> headings;
  for (const Block& block : article->document.blocks) {
    if (block.kind == BlockKind::kHeading) headings.push_back(block.Text());
  }
  ASSERT_EQ(headings.size(), 7U);
  constexpr const char* kOrdinals[] = {"一、", "二、", "三、", "四、", "五、", "六、"};
  for (size_t i = 0; i < 6; ++i) EXPECT_TRUE(headings[i].starts_with(kOrdinals[i])) << headings[i];
  EXPECT_EQ(headings.back(), "数据来源");
}

TEST(Write, LengthIsTheNumberOfChallenges) {
  const std::deque<Study> studies = AsStudies(FakeStudy::Methods());
  for (const auto& [length, count] :
       {std::pair{Length::kShort, 3}, {Length::kStandard, 4}, {Length::kLong, 5}}) {
    Request request = Usual();
    request.length = length;
    const Result<Article> article = Write(studies, request);
    ASSERT_TRUE(article.ok());
    EXPECT_EQ(
        std::ranges::count_if(article->used,
                              [](const std::string& one) { return one.starts_with("challenge "); }),
        count);
  }
}

TEST(Write, EveryAudienceHasAdvice) {
  const std::deque<Study> studies = AsStudies(FakeStudy::Methods());
  Request request = Usual();
  request.audiences = {"government", "managers", "practitioners", "supervisors"};
  const Result<Article> article = Write(studies, request);
  ASSERT_TRUE(article.ok());
  EXPECT_EQ(article->document.audiences.size(), 4U);
  for (const char* prefix :
       {"heuristic gov-", "heuristic man-", "heuristic pra-", "heuristic sup-"}) {
    EXPECT_THAT(article->used, Contains(::testing::StartsWith(prefix)));
  }
}

TEST(Write, ALanguageThatSuffersLessIsToldSo) {
  FakeStudy worse = FakeStudy::Methods();
  FakeStudy better = FakeStudy::Methods();
  for (FakeStudy* study : {&worse, &better}) {
    for (Evidence& row : study->rows) {
      if (row.metric != metric::kPerplexityRatio || row.subject != kMain) continue;
      const bool up = (row.text == "zh") == (study == &worse);
      row.value = up ? 1.2 : 1.04;
      row.low = row.value - 0.01;
      row.high = row.value + 0.01;
    }
  }
  Request request = Usual();
  request.length = Length::kLong;
  EXPECT_THAT(
      Text(AsStudies(worse), request),
      AllOf(HasSubstr("中文困惑度上升20%，英文困惑度只上升4"), HasSubstr("中文比英文掉得多")));
  EXPECT_THAT(Text(AsStudies(better), request),
              AllOf(HasSubstr("英文反而比中文掉得多"), Not(HasSubstr("中文比英文掉得多"))));
}

TEST(Write, ASlowerVersionIsNotCalledFaster) {
  FakeStudy study = FakeStudy::Methods();
  Multiply(study, metric::kGenerationSpeed, kMain, 0.1);
  const std::string text = Text(AsStudies(study));
  EXPECT_THAT(text, AllOf(HasSubstr("生成速度没有变快"), Not(HasSubstr("生成速度提高到"))));
}

TEST(Write, CalibrationThatDidNotHelpIsToldSo) {
  FakeStudy study = FakeStudy::Methods();
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kPerplexityRatio && row.subject == "int3+embed8") {
      row.value = 1.03;
      row.low = 0.99;
      row.high = 1.07;
    }
  }
  EXPECT_THAT(Text(AsStudies(study)), HasSubstr("这一次校准没有分出好坏"));
}

TEST(Write, AnEncoderSpeaksOfSentences) {
  FakeStudy study = FakeStudy::Encoder();
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kEmbeddingCosine) row.text = "en";
  }
  const std::string text = Text(AsStudies(study));
  EXPECT_THAT(text, AllOf(HasSubstr("句向量"), Not(HasSubstr("困惑度")), Not(HasSubstr("词元"))));
}

TEST(Write, ASingleWidthIsRefusedWithACommand) {
  FakeStudy study = FakeStudy::Methods();
  std::erase_if(study.rows, [](const Evidence& row) {
    return row.subject != "reference" && row.subject != "machine" && row.subject != "int4+embed8";
  });
  EXPECT_THAT(Text(AsStudies(study)), AllOf(HasSubstr("single width"), HasSubstr("crumb study")));
}

TEST(Write, AStudyWithoutIntervalsIsRefused) {
  FakeStudy study = FakeStudy::Methods();
  for (Evidence& row : study.rows) row.low = row.high = {};
  EXPECT_THAT(Text(AsStudies(study)), AllOf(HasSubstr("no interval"), HasSubstr("crumb study")));
}

TEST(Write, MissingSpeedsAreNamedWithTheCommandThatMeasuresThem) {
  FakeStudy study = FakeStudy::Methods();
  study.Remove(metric::kGenerationSpeed);
  EXPECT_THAT(Text(AsStudies(study)),
              AllOf(HasSubstr("too little evidence"), HasSubstr("opening"), HasSubstr("a-study")));
}

TEST(Write, ReplacedRowsAreNeverUsed) {
  FakeStudy study = FakeStudy::Methods();
  Evidence newer;
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kWeightBytes && row.subject == kMain) newer = row;
  }
  newer.supersedes = std::to_string(newer.id);
  newer.id = study.rows.back().id + 1;
  newer.value = 50e6;
  study.rows.push_back(newer);
  const std::deque<Study> studies = AsStudies(study);
  const Result<Article> article = Write(studies);
  ASSERT_TRUE(article.ok());
  for (const Numeral& numeral : article->numerals) {
    if (numeral.row == nullptr) continue;
    EXPECT_NE(std::to_string(numeral.row->id), newer.supersedes);
  }
  EXPECT_THAT(RenderPlain(article->document), HasSubstr("权重内存降到50.0 MB"));
}

TEST(Write, ASourceWithAnAddressIsRefused) {
  FakeStudy study = FakeStudy::Methods();
  Evidence row = study.rows.front();
  row.kind = "public";
  row.options = R"({"command":"ledger add","source":"https://example.org/a"})";
  study.rows.push_back(row);
  const Result<Study> refused = MakeStudy(study.rows, "a-study");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("URL"));
}

TEST(Write, PublishedFiguresKeepTheirKindAndSource) {
  FakeStudy study = FakeStudy::Methods();
  Evidence row = study.rows.front();
  row.id = 100000;
  row.kind = "public";
  row.model_sha256 = "";
  row.metric = metric::kTaskAccuracy;
  row.subject = "int4";
  row.value = 0.651;
  row.low = row.high = {};
  row.quarter = "2024-Q3";
  row.options = R"({"command":"ledger add","source":"某研究所的测评报告"})";
  study.rows.push_back(row);
  EXPECT_THAT(
      Text(AsStudies(study)),
      AllOf(HasSubstr("另有公开报告可以对照：2024年第三季度，某研究所的测评报告，答对率是65%"),
            HasSubstr("公开报告，2024年第三季度，某研究所的测评报告。")));
}

TEST(Write, SpeedsOfABusyMachineAreNotToldAndAnArticleWithoutALoadIsRefused) {
  FakeStudy study = FakeStudy::Methods();
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kGenerationSpeed) row.detail = R"({"valid":false})";
  }
  const std::deque<Study> studies = AsStudies(study);
  const Result<Article> article = Write(studies);
  ASSERT_FALSE(article.ok());
  EXPECT_THAT(article.status().message(), HasSubstr("--speeds-again"));
}

}  // namespace
}  // namespace crumb::article

#include "article/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/sha256.h"
#include "evidence/metrics.h"
#include "publish/fake_study.h"

namespace crumb::article {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Figure> Draw(const FakeStudy& study, const FigureOptions& options = {}) {
  Result<std::vector<Figure>> figures = DrawFigures(study.rows, options);
  EXPECT_TRUE(figures.ok()) << figures.status().message();
  return figures.ok() ? *figures : std::vector<Figure>();
}

std::vector<std::string> Names(const std::vector<Figure>& figures) {
  std::vector<std::string> names;
  for (const Figure& figure : figures) names.push_back(figure.name);
  return names;
}

const Evidence& RowOf(const FakeStudy& study, int64_t id) {
  return *std::ranges::find(study.rows, id, &Evidence::id);
}

// Metrics of the rows that a figure names as its evidence.
std::set<std::string> MetricsOf(const FakeStudy& study, const Figure& figure) {
  std::set<std::string> metrics;
  for (const int64_t id : figure.evidence) metrics.insert(RowOf(study, id).metric);
  return metrics;
}

// Four bytes of the PNG's header, most significant first.
int HeaderNumber(const std::string& png, size_t at) {
  int number = 0;
  for (size_t i = 0; i < 4; ++i) number = number * 256 + static_cast<unsigned char>(png[at + i]);
  return number;
}

FakeStudy WithAnswers() {
  FakeStudy study = FakeStudy::Methods();
  for (const std::string task : {"piqa", "ceval", "boolq"}) {
    double accuracy = 0.68;
    for (const std::string version : {"reference", "trellis4+embed8", "trellis2+embed8"}) {
      study.Add(version, metric::kTaskAccuracy, accuracy, 0.012, 1838, "questions").text = task;
      accuracy -= 0.05;
    }
  }
  return study;
}

TEST(Figures, AreThoseForWhichThereAreRows) {
  EXPECT_THAT(Names(Draw(WithAnswers())), ElementsAre("memory", "speed", "quality", "answers"));
  EXPECT_THAT(Names(Draw(FakeStudy::Encoder())), ElementsAre("memory", "speed", "quality"));
  FakeStudy no_speed = FakeStudy::Decoder();
  no_speed.Remove(metric::kGenerationSpeed);
  EXPECT_THAT(Names(Draw(no_speed)), ElementsAre("memory", "quality"));
}

TEST(Figures, AreNoneWhereNothingStandsBesideTheReference) {
  FakeStudy alone = FakeStudy::Decoder();
  std::erase_if(alone.rows, [](const Evidence& row) { return row.subject != "reference"; });
  EXPECT_THAT(Draw(alone), IsEmpty());
  EXPECT_EQ(DrawFigures({}, {}).status().code(), StatusCode::kNotFound);
}

TEST(Figures, NameTheRowsOfTheirNumbersAndNoOthers) {
  const FakeStudy study = WithAnswers();
  const std::vector<Figure> figures = Draw(study);
  ASSERT_EQ(figures.size(), 4u);
  // Mixtures have their matrix bits in their name.
  EXPECT_THAT(
      MetricsOf(study, figures[0]),
      ElementsAre("matrix_bits_per_weight", "total_bits_per_weight", "weight_memory_bytes"));
  EXPECT_THAT(MetricsOf(study, figures[2]),
              ElementsAre("matrix_bits_per_weight", "perplexity_ratio", "total_bits_per_weight"));
  // Two texts of seven versions, their total bits, the matrix bits of the mixture.
  EXPECT_EQ(figures[2].evidence.size(), 7u * 2 + 7 + 1);
  for (const Figure& figure : figures) {
    EXPECT_TRUE(std::ranges::is_sorted(figure.evidence));
    EXPECT_TRUE(std::ranges::adjacent_find(figure.evidence) == figure.evidence.end());
    for (const int64_t id : figure.evidence) {
      EXPECT_NE(RowOf(study, id).subject, "int2+embed8") << "is beside a better version";
    }
  }
}

TEST(Figures, DrawTheVersionsThatTheyAreAskedFor) {
  const FakeStudy study = FakeStudy::Methods();
  FigureOptions options;
  options.subjects = {"int2+embed8", "trellis4+embed8", "reference"};
  for (const Figure& figure : Draw(study, options)) {
    std::set<std::string> subjects;
    for (const int64_t id : figure.evidence) subjects.insert(RowOf(study, id).subject);
    subjects.erase("reference");
    EXPECT_THAT(subjects, ElementsAre("int2+embed8", "trellis4+embed8")) << figure.name;
  }
}

TEST(Figures, HaveTheSizeThatTheySayAndNoTimeInTheirBytes) {
  for (const Figure& figure : Draw(WithAnswers())) {
    ASSERT_TRUE(figure.png.starts_with("\x89PNG\r\n\x1a\n"));
    EXPECT_EQ(HeaderNumber(figure.png, 16), figure.width_pixels);
    EXPECT_EQ(HeaderNumber(figure.png, 20), figure.height_pixels);
    for (const char* chunk : {"tIME", "tEXt", "zTXt", "iTXt", "eXIf"}) {
      EXPECT_EQ(figure.png.find(chunk), std::string::npos) << chunk;
    }
  }
}

TEST(Figures, AreTheSameBytesASecondTime) {
  const FakeStudy study = WithAnswers();
  const std::vector<Figure> first = Draw(study);
  const std::vector<Figure> second = Draw(study);
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(first[i].png == second[i].png);
}

TEST(Figures, ChangeWithTheRowsTheyAreOf) {
  FakeStudy study = FakeStudy::Methods();
  const std::vector<Figure> before = Draw(study);
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kWeightBytes && row.subject == "trellis2+embed8") row.value *= 1.02;
  }
  const std::vector<Figure> after = Draw(study);
  EXPECT_TRUE(before[0].png != after[0].png);
  EXPECT_TRUE(before[1].png == after[1].png);
}

TEST(Figures, AreDrawnOfValuesThatAnAxisCanHardlyShow) {
  FakeStudy study = FakeStudy::Encoder();
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kStsbSpearman) row.value = 0.8;
    row.low.reset();
    row.high.reset();
  }
  EXPECT_EQ(Draw(study).size(), 3u) << "all the same";
  FakeStudy wide = FakeStudy::Decoder();
  for (Evidence& row : wide.rows) {
    if (row.metric == metric::kPerplexityRatio) row.low = -1;
    if (row.metric == metric::kPerplexityRatio && row.subject == "int1+embed8")
      row.value = INFINITY;
    if (row.metric == metric::kWeightBytes) row.value = 0;
  }
  EXPECT_EQ(Draw(wide).size(), 3u) << "down to 0, and no number";
}

TEST(Figures, SayWhereSpeedsWereDisturbed) {
  FakeStudy study = FakeStudy::Methods();
  const std::vector<Figure> quiet = Draw(study);
  for (Evidence& row : study.rows) {
    if (row.metric == metric::kGenerationSpeed) row.detail = R"({"valid":false})";
  }
  const std::vector<Figure> busy = Draw(study);
  EXPECT_TRUE(busy[0].png == quiet[0].png) << "memory";
  EXPECT_EQ(busy.size(), quiet.size() - 1) << "no figure of speeds";
}

TEST(Figures, HaveCaptionsWithoutNumerals) {
  for (const FakeStudy& study : {WithAnswers(), FakeStudy::Encoder()}) {
    for (const Figure& figure : Draw(study)) {
      EXPECT_FALSE(figure.caption.empty());
      EXPECT_EQ(figure.caption.find_first_of("0123456789\n"), std::string::npos);
    }
  }
}

TEST(FigureSideFile, HasTheHashOfThePictureAndTheIds) {
  Figure figure;
  figure.name = "speed";
  figure.caption = "各版本的生成速度";
  figure.png = "abc";
  figure.evidence = {3, 12};
  const Result<Json> json = ParseJson(FigureSideFile(figure), "t");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->at("format"), "crumb-article-figure");
  EXPECT_EQ(json->at("name"), "speed");
  EXPECT_EQ(json->at("file"), "speed.png");
  EXPECT_EQ(json->at("caption"), "各版本的生成速度");
  // FIPS 180-4's example.
  EXPECT_EQ(json->at("sha256"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(json->at("evidence"), Json::parse("[3,12]"));
}

}  // namespace
}  // namespace crumb::article

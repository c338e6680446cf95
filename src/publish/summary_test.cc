#include "publish/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "publish/fake_study.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SummaryOf {
 public:
  explicit SummaryOf(FakeStudy fake)
      : fake_(std::move(fake)), study_(StudyRows::Index(fake_.rows)), texts_(Texts::For("en")) {}
  const StudyRows& study() const { return *study_; }
  Summary summary() const { return Summarise(*study_, *texts_, PlainQuoter()); }

 private:
  FakeStudy fake_;
  Result<StudyRows> study_;
  Result<Texts> texts_;
};

void SetRatio(FakeStudy* fake, const std::string& variant, double low, double high) {
  for (Evidence& row : fake->rows) {
    if (row.metric != metric::kPerplexityRatio || row.subject != variant) continue;
    row.low = low;
    row.high = high;
    row.value = (low + high) / 2;
  }
}

TEST(Summary, NamesTheFewestTotalBitsThatKeepTheQuality) {
  const SummaryOf decoder(FakeStudy::Decoder());
  EXPECT_EQ(SmallestKept(decoder.study(), "en")->variant, "int4+embed4");
  EXPECT_EQ(SmallestKept(decoder.study(), "zh")->variant, "int4+embed8");
  const std::optional<Choice> all = SmallestKept(decoder.study());
  EXPECT_EQ(all->variant, "int4+embed8");
  EXPECT_TRUE(all->kept);
  EXPECT_TRUE(all->on_all_texts);
}

TEST(Summary, SaysSoWhenNothingKeepsTheQuality) {
  FakeStudy fake = FakeStudy::Decoder();
  for (const char* variant : {"int8+embed8", "int4+embed8", "int4+embed4"}) {
    SetRatio(&fake, variant, 1.02, 1.16);
  }
  const SummaryOf decoder(std::move(fake));
  EXPECT_FALSE(SmallestKept(decoder.study())->kept);
  EXPECT_THAT(decoder.summary().quality.front(), HasSubstr("no version is shown to stay within"));
}

TEST(Summary, BrokenIsSaidOfTheWidestBrokenVariantOnly) {
  const Summary summary = SummaryOf(FakeStudy::Decoder()).summary();
  ASSERT_THAT(summary.broken, SizeIs(2));
  EXPECT_THAT(summary.broken[0], HasSubstr("INT2, embedding INT8"));
  EXPECT_THAT(summary.broken[0], HasSubstr("2.500 matrix bits and 3.770 total bits"));
}

TEST(Summary, NothingIsCalledBrokenWhoseIntervalReachesTwo) {
  FakeStudy fake = FakeStudy::Decoder();
  for (const char* variant : {"int2+embed8", "int2+embed2", "ternary+embed8",
                              "ternary+embedternary", "int1+embed8", "int1+embed1"}) {
    SetRatio(&fake, variant, 1.9, 40);
  }
  EXPECT_THAT(SummaryOf(std::move(fake)).summary().broken, IsEmpty());
}

TEST(Summary, FasterIsSaidOnlyWhenIntervalsDoNotTouch) {
  EXPECT_THAT(SummaryOf(FakeStudy::Decoder()).summary().gain_speed, HasSubstr(": faster"));
  FakeStudy fake = FakeStudy::Decoder();
  for (Evidence& row : fake.rows) {
    if (row.metric == metric::kGenerationSpeed && row.subject == "reference") row.high = 1000;
  }
  const std::string same = SummaryOf(std::move(fake)).summary().gain_speed;
  EXPECT_THAT(same, HasSubstr("no difference is shown"));
}

TEST(Summary, SpeedWithoutIntervalsIsNotCompared) {
  FakeStudy fake = FakeStudy::Decoder();
  for (Evidence& row : fake.rows) row.low.reset();
  EXPECT_THAT(SummaryOf(std::move(fake)).summary().gain_speed,
              ::testing::AnyOf(IsEmpty(), HasSubstr("not to be compared")));
}

TEST(Summary, NothingIsConcludedFromTheSpeedsOfABusyMachine) {
  FakeStudy fake = FakeStudy::Decoder();
  ASSERT_THAT(SummaryOf(fake).summary().gain_speed, HasSubstr("faster"));
  for (Evidence& row : fake.rows) {
    if (row.metric != metric::kGenerationSpeed || row.subject == kReference) continue;
    row.detail = R"({"valid":false,"reasons":["other processes took 40 % of the CPU time"]})";
  }
  EXPECT_THAT(SummaryOf(std::move(fake)).summary().gain_speed, HasSubstr("not to be compared"));
}

TEST(StudyRowsOf, ANoteThatWasSupersededIsNotShown) {
  FakeStudy fake = FakeStudy::Decoder();
  Evidence note = fake.rows.front();
  note.metric = metric::kStudyNote;
  note.detail = R"({"topic":"busy","note":"The speeds are INVALID.","note_zh":""})";
  note.id = 9001;
  fake.rows.push_back(note);
  note.detail = R"({"topic":"busy","note":"Measured again.","note_zh":""})";
  note.supersedes = "9001";
  note.id = 9002;
  fake.rows.push_back(note);
  const SummaryOf decoder(std::move(fake));
  const auto& notes = decoder.study().notes();
  const auto busy = std::ranges::count(notes, std::string("busy"), &StudyNote::topic);
  EXPECT_EQ(busy, 1);
  EXPECT_EQ(notes.back().english, "Measured again.");
}

TEST(Summary, WithoutQualityNothingIsChosen) {
  FakeStudy fake = FakeStudy::Decoder();
  fake.Remove(metric::kPerplexityRatio);
  const SummaryOf decoder(std::move(fake));
  EXPECT_FALSE(SmallestKept(decoder.study()).has_value());
  EXPECT_THAT(decoder.summary().quality.front(), HasSubstr("was not measured"));
}

TEST(Summary, RoundingStandsBesideTheBestMethod) {
  const SummaryOf methods(FakeStudy::Methods());
  EXPECT_EQ(SmallestKept(methods.study(), "en")->variant, "trellis3+embed8");
  const Summary summary = methods.summary();
  EXPECT_THAT(summary.quality.front(), HasSubstr("3-bit trellis, embedding INT8"));
  EXPECT_THAT(
      summary.quality.front(),
      HasSubstr("Rounded to nearest, INT3, embedding INT8, with 3.375 matrix bits and 4.435 "
                "total bits"));
}

TEST(Summary, AWidthIsNotCalledBrokenForWhatRoundingDoesToIt) {
  // INT3 rounded is beyond twice the reference, 3-bit trellis beside it is not.
  const Summary summary = SummaryOf(FakeStudy::Methods()).summary();
  ASSERT_THAT(summary.broken, SizeIs(2));
  EXPECT_THAT(summary.broken.front(), HasSubstr("Ternary (optimized), embedding INT8"));
}

TEST(Summary, EncoderIsJudgedByItsEmbeddings) {
  const SummaryOf encoder(FakeStudy::Encoder());
  EXPECT_EQ(SmallestKept(encoder.study())->variant, "int3+embed3");
  EXPECT_THAT(encoder.summary().quality.front(), HasSubstr("cosine"));
  EXPECT_THAT(encoder.summary().gain_speed, HasSubstr("sentences per second"));
}

}  // namespace
}  // namespace crumb

#include "publish/study_rows.h"

#include <gtest/gtest.h>

#include "publish/fake_study.h"

namespace crumb {
namespace {

TEST(StudyRows, VariantsRunFromMostToFewestBits) {
  const FakeStudy fake = FakeStudy::Decoder();
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  const std::vector<std::string> expected = {
      "reference",      "int8+embed8",          "int4+embed8", "int4+embed4",
      "int3+embed8",    "int3+embed3",          "int2+embed8", "int2+embed2",
      "ternary+embed8", "ternary+embedternary", "int1+embed8", "int1+embed1"};
  EXPECT_EQ(study->variants(), expected);
}

TEST(StudyRows, VariantWithoutBitsComesLast) {
  FakeStudy fake = FakeStudy::Decoder();
  fake.Add("another", metric::kGenerationSpeed, 10, 1, 5, "repetitions");
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  EXPECT_EQ(study->variants().back(), "another");
}

TEST(StudyRows, TheNewestOfTwoRowsCounts) {
  FakeStudy fake = FakeStudy::Decoder();
  const int64_t id = fake.AddExact("int4+embed8", metric::kDiskBytes, 1).id;
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  EXPECT_EQ(study->Find(metric::kDiskBytes, "int4+embed8")->id, id);
  EXPECT_EQ(study->Find(metric::kDiskBytes, "int4+embed8", "en"), nullptr);
}

TEST(StudyRows, RowsOfTwoModelsAreRefused) {
  FakeStudy fake = FakeStudy::Decoder();
  fake.rows.back().model_sha256 = "another";
  fake.rows.back().model = "another.gguf";
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  EXPECT_EQ(study.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(study.status().message().find("another.gguf"), std::string::npos);
}

TEST(StudyRows, ARowOfAnotherCommandIsKnownByItsOption) {
  Evidence row;
  EXPECT_FALSE(IsOfOtherCommand(row));
  row.options = R"({"prompt_tokens":512})";
  EXPECT_FALSE(IsOfOtherCommand(row));
  row.options = R"({"command":"bench","prompt_tokens":512})";
  EXPECT_TRUE(IsOfOtherCommand(row));
}

TEST(StudyRows, EnglishAndChineseStandBeforeOtherTexts) {
  FakeStudy fake = FakeStudy::Decoder();
  fake.Add("reference", metric::kPerplexity, 10, 1, 5, "tokens").text = "a.txt";
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  EXPECT_EQ(study->texts(), (std::vector<std::string>{"en", "zh", "a.txt"}));
  EXPECT_FALSE(study->is_encoder());
}

TEST(StudyRows, NoteWithoutTranslationIsTheSameInBothLanguages) {
  FakeStudy fake = FakeStudy::Decoder();
  Evidence& row = fake.AddExact("reference", "machine_note", 0);
  row.detail = R"({"note":"only this"})";
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  EXPECT_EQ(study->notes().back().english, "only this");
  EXPECT_EQ(study->notes().back().chinese, "only this");
}

TEST(StudyRows, RowsThatCompareActivationsNeverStandForTheVariant) {
  const FakeStudy fake = FakeStudy::Methods();
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  ASSERT_TRUE(study.ok());
  const Evidence* whole = study->Find(metric::kPerplexityRatio, "trellis2+embed8", "en");
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->n, 3060);
  for (const char* type : {"float32", "int8", "int8-token"}) {
    const Evidence* row =
        study->FindActivations(metric::kPerplexityRatio, "trellis2+embed8", "en", type);
    ASSERT_NE(row, nullptr) << type;
    EXPECT_EQ(row->n, 1020);
    EXPECT_GT(row->id, whole->id);
  }
  EXPECT_EQ(study->FindActivations(metric::kPerplexityRatio, "int2+embed8", "en", "int8"), nullptr);
}

TEST(StudyRows, DetailThatIsNoJsonIsAsIfEmpty) {
  Evidence row;
  row.detail = "{broken";
  EXPECT_EQ(DetailText(row, "note"), "");
  row.detail = R"({"windows":12,"source":"a"})";
  EXPECT_EQ(DetailText(row, "windows"), "12");
  EXPECT_EQ(DetailText(row, "source"), "a");
  EXPECT_EQ(DetailText(row, "other"), "");
}

}  // namespace
}  // namespace crumb

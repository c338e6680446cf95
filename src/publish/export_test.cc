#include "publish/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "publish/fake_study.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

// Fields of RFC 4180 text, line by line.
std::vector<std::vector<std::string>> ReadCsv(const std::string& csv) {
  std::vector<std::vector<std::string>> lines = {{""}};
  bool quoted = false;
  for (size_t i = 0; i < csv.size(); ++i) {
    std::string& field = lines.back().back();
    if (quoted && csv[i] == '"' && i + 1 < csv.size() && csv[i + 1] == '"') {
      field += csv[++i];
    } else if (csv[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && csv[i] == ',') {
      lines.back().emplace_back();
    } else if (!quoted && csv.substr(i, 2) == "\r\n") {
      ++i;
      lines.push_back({""});
    } else {
      field += csv[i];
    }
  }
  lines.pop_back();
  return lines;
}

TEST(Export, CsvHasOneLineForEveryRowAndEveryField) {
  FakeStudy fake = FakeStudy::Decoder();
  fake.rows[3].model = "a \"quoted\", name\nover two lines";
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  const Result<std::string> csv = StudyCsv(*study);
  ASSERT_TRUE(csv.ok());
  const auto lines = ReadCsv(*csv);
  ASSERT_EQ(lines.size(), fake.rows.size() + 1);
  for (const auto& line : lines) EXPECT_EQ(line.size(), lines[0].size());
  EXPECT_EQ(lines[0][0], "id");
  const size_t model =
      static_cast<size_t>(std::find(lines[0].begin(), lines[0].end(), "model") - lines[0].begin());
  EXPECT_EQ(lines[4][model], fake.rows[3].model);
}

TEST(Export, CsvColumnsAreAllFieldsOfARow) {
  FakeStudy fake = FakeStudy::Decoder();
  Evidence& row = fake.rows.front();
  row.standard_error = 1;
  row.supersedes = "1";
  row.previous_hash = "00";
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  const auto lines = ReadCsv(*StudyCsv(*study));
  const Result<Json> json = ParseJson(*StudyJson(*study), "study.json");
  ASSERT_TRUE(json.ok());
  const Json& subjects = (*json)["subjects"];
  for (const auto& [key, value] : subjects.back()["rows"][0].items()) {
    EXPECT_THAT(lines[0], ::testing::Contains(key));
  }
}

TEST(Export, JsonHoldsEveryRowOnce) {
  const FakeStudy fake = FakeStudy::Decoder();
  const Result<StudyRows> study = StudyRows::Index(fake.rows);
  const Result<std::string> text = StudyJson(*study);
  ASSERT_TRUE(text.ok());
  const Result<Json> json = ParseJson(*text, "study.json");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ((*json)["format"], "crumb-study");
  EXPECT_EQ((*json)["meta"]["texts"], Json::array({"en", "zh"}));
  EXPECT_EQ((*json)["meta"]["notes"].size(), 2u);
  size_t rows = 0;
  for (const Json& subject : (*json)["subjects"]) rows += subject["rows"].size();
  EXPECT_EQ(rows, fake.rows.size());
  EXPECT_EQ((*json)["subjects"][0]["subject"], "reference");
  EXPECT_EQ((*json)["subjects"].back()["subject"], "machine");
}

}  // namespace
}  // namespace crumb

#include "tasks/data_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/files.h"
#include "base/temporary_folder_for_test.h"

namespace crumb {
namespace {

using ::testing::HasSubstr;

class DataFile : public ::testing::Test {
 protected:
  Result<std::vector<Record>> Read(std::string_view text, const DataFormat& format) {
    const std::string path = folder_.path() + "/data";
    EXPECT_TRUE(WriteFileAtomic(path, text).ok());
    return ReadRecords(path, format);
  }
  std::string ErrorOf(std::string_view text, const DataFormat& format) {
    const auto records = Read(text, format);
    return records.ok() ? "" : records.status().message();
  }
  static std::string Field(const Record& record, std::string_view name) {
    const jinja::Value* value = jinja::FindKey(record, name);
    return value == nullptr ? "(missing)" : value->string();
  }
  TemporaryFolder folder_;
};

TEST_F(DataFile, JsonLinesKeepTheTypesOfFields) {
  const auto records = Read(
      "{\"q\": \"a\", \"n\": 3, \"list\": [\"x\", {\"y\": true}]}\n\n{\"q\": \"b\"}", {"jsonl"});
  ASSERT_TRUE(records.ok()) << records.status().message();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(jinja::FindKey((*records)[0], "n")->integer(), 3);
  EXPECT_TRUE(jinja::FindKey((*records)[0], "list")->is_list());
  EXPECT_EQ(Field((*records)[1], "q"), "b");
}

TEST_F(DataFile, CsvFollowsRfc4180) {
  const auto records = Read("\xef\xbb\xbfq,a\r\n\"one, \"\"two\"\"\nthree\",x\r\ny,\r\n", {"csv"});
  ASSERT_TRUE(records.ok()) << records.status().message();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(Field((*records)[0], "q"), "one, \"two\"\nthree");
  EXPECT_EQ(Field((*records)[0], "a"), "x");
  EXPECT_EQ(Field((*records)[1], "a"), "");
}

TEST_F(DataFile, CsvWithGivenColumnsHasNoHeader) {
  const auto records = Read("x,y\n", {"csv", {"q", "a"}, ""});
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(Field((*records)[0], "q"), "x");
}

TEST_F(DataFile, TabsAreNotQuoted) {
  const auto records = Read("text\tlabel\nit \"is\tso\" \t1\n", {"tsv"});
  EXPECT_FALSE(records.ok());  // three fields under two names
  const auto good = Read("text\tlabel\nit \"is so \t1\n", {"tsv"});
  ASSERT_TRUE(good.ok()) << good.status().message();
  EXPECT_EQ(Field((*good)[0], "text"), "it \"is so ");
}

TEST_F(DataFile, PlainLinesFormRecords) {
  const DataFormat format = {"lines", {"q", "gold"}, ""};
  const auto records = Read("a\n1\nb\n0", format);
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ(Field((*records)[1], "gold"), "0");
  EXPECT_THAT(ErrorOf("a\n1\nb\n", format), HasSubstr("3 lines, which is no multiple of the 2"));
}

TEST_F(DataFile, SaysWhichLineIsBad) {
  EXPECT_THAT(ErrorOf("{\"a\": 1}\n{\"a\": }\n", {"jsonl"}), HasSubstr("line 2"));
  EXPECT_THAT(ErrorOf("[1]\n", {"jsonl"}), HasSubstr("line 1: is no JSON object"));
  EXPECT_THAT(ErrorOf("q,a\nx\n", {"csv"}), HasSubstr("line 2: has 1 fields, not 2"));
  EXPECT_THAT(ErrorOf("q,a\n\"x,y\n", {"csv"}), HasSubstr("line 2: a quoted field does not end"));
  EXPECT_THAT(ErrorOf("q,a\nx,\xd6\xd0\n", {"csv"}), HasSubstr("line 2: is not UTF-8"));
  EXPECT_THAT(ErrorOf("", {"jsonl"}), HasSubstr("has no records"));
  EXPECT_THAT(ErrorOf("q,a\n", {"csv"}), HasSubstr("has no records"));
}

TEST_F(DataFile, RefusesTwoRecordsWithOneId) {
  EXPECT_THAT(ErrorOf("{\"id\": 7}\n{\"id\": 7}\n", {"jsonl"}),
              HasSubstr("two records have the id \"7\""));
}

TEST_F(DataFile, LabelsComeFromASecondFileOfTheSameLength) {
  auto records = Read("{\"q\": \"a\"}\n{\"q\": \"b\"}\n", {"jsonl"}).value();
  const std::string labels = folder_.path() + "/labels";
  ASSERT_TRUE(WriteFileAtomic(labels, "1\n0\n").ok());
  ASSERT_TRUE(AddLabels(labels, &records).ok());
  EXPECT_EQ(Field(records[0], "label"), "1");
  ASSERT_TRUE(WriteFileAtomic(labels, "1\n").ok());
  EXPECT_THAT(AddLabels(labels, &records).message(), HasSubstr("1 lines for 2 records"));
}

TEST_F(DataFile, AStarTakesSeveralFilesInTheOrderOfTheirNames) {
  for (const char* name : {"b_test.csv", "a_test.csv", "a_dev.csv"}) {
    ASSERT_TRUE(WriteFileAtomic(folder_.path() + "/" + name, "x").ok());
  }
  const auto files = MatchFiles(folder_.path(), "*_test.csv");
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->size(), 2u);
  EXPECT_EQ((*files)[0].star, "a");
  EXPECT_EQ((*files)[1].star, "b");
  EXPECT_EQ(MatchFiles(folder_.path(), "*_val.csv").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(MatchFiles(folder_.path(), "none.csv").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace crumb

#include "advice/csv_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crumb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(CsvTable, ReadsQuotesLineBreaksAndAByteOrderMark) {
  const Result<CsvTable> table =
      ParseCsv("\xEF\xBB\xBFid,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2,\n", "t.csv");
  ASSERT_TRUE(table.ok()) << table.status().message();
  EXPECT_THAT(table->columns, ElementsAre("id", "text"));
  ASSERT_EQ(table->rows.size(), 2u);
  EXPECT_THAT(table->rows[0].cells, ElementsAre("1", "a, \"b\"\nc"));
  EXPECT_THAT(table->rows[1].cells, ElementsAre("2", ""));
  EXPECT_EQ(table->rows[1].line, 5);
}

TEST(CsvTable, RefusesWithTheLine) {
  const auto message = [](std::string_view text) {
    const Result<CsvTable> table = ParseCsv(text, "t.csv");
    return table.ok() ? std::string("read") : table.status().message();
  };
  EXPECT_THAT(message(""), HasSubstr("empty"));
  EXPECT_THAT(message("a,b\n1\n"), HasSubstr("t.csv:2: 1 cells"));
  EXPECT_THAT(message("a,b\n1,\"2\n"), HasSubstr("t.csv:2: a quote is never closed"));
  EXPECT_THAT(message("a,a\n"), HasSubstr("'a' is there twice"));
  // A line in GB 18030 below one in UTF-8, and UTF-16.
  EXPECT_THAT(message("a\n\xE5\x86\x85\n\xC4\xDA\n"), HasSubstr("t.csv:3"));
  EXPECT_THAT(message(std::string_view("\xFF\xFE\x61\x00", 4)), HasSubstr("not UTF-8"));
  // An overlong form and a lone surrogate are no UTF-8 either.
  EXPECT_THAT(message("\xC0\xAF"), HasSubstr("not UTF-8"));
  EXPECT_THAT(message("\xED\xA0\x80"), HasSubstr("not UTF-8"));
}

TEST(CsvTable, NumbersAreWholeTexts) {
  EXPECT_EQ(ParseNumber("+6.1"), 6.1);
  EXPECT_EQ(ParseNumber("1e9"), 1e9);
  for (const char* text : {"", "4x", "nan", "inf", "1,000", " 1"}) {
    EXPECT_EQ(ParseNumber(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace crumb

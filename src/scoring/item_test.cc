#include "scoring/item.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

std::string ErrorOf(std::string_view text) {
  const Result<std::vector<ScoringItem>> items = ParseItems(text, "f.jsonl");
  if (items.ok()) return "";
  EXPECT_EQ(items.status().code(), StatusCode::kCorrupt);
  return items.status().message();
}

TEST(ParseItems, ReadsEveryKeyAndLeavesOthersAlone) {
  const auto items = ParseItems(
      "\xef\xbb\xbf{\"id\": 7, \"prediction\": \"a\", \"references\": [\"b\", \"c\"], \"x\": "
      "{}}\r\n"
      "\n"
      "{\"id\": \"8\", \"label\": true, \"score\": -1e2, \"verdicts\": [0, true]}",
      "f");
  ASSERT_TRUE(items.ok()) << items.status().message();
  ASSERT_EQ(items->size(), 2u);
  const ScoringItem& first = (*items)[0];
  EXPECT_EQ(first.id, "7");
  EXPECT_EQ(first.references, (std::vector<std::string>{"b", "c"}));
  EXPECT_FALSE(first.score.has_value());
  const ScoringItem& second = (*items)[1];
  EXPECT_EQ(second.line, 3);
  EXPECT_EQ(second.label_number, 1.0);
  EXPECT_EQ(second.score, -100.0);
  EXPECT_EQ(second.verdicts, (std::vector<bool>{false, true}));
}

TEST(ParseItems, NamesTheLineOfWhatIsWrong) {
  const std::string good = "{\"id\": 1}\n";
  EXPECT_EQ(ErrorOf(good + "{\"prediction\": \"a\"}"), "f.jsonl: line 2: has no \"id\"");
  EXPECT_EQ(ErrorOf(good + "\n{\"id\": 1}"),
            "f.jsonl: line 3: the id \"1\" was used in line 1; ids must differ");
  EXPECT_EQ(ErrorOf(good + "{\"id\": 2, \"score\": \"0.5\"}"),
            "f.jsonl: line 2: \"score\" is string and must be a number");
  EXPECT_NE(ErrorOf(good + "{\"id\": 2, \"prediction\": \"caf\xe9\"}").find("line 2: has bytes"),
            std::string::npos);
  EXPECT_NE(ErrorOf(good + "{\"id\": 2").find("line 2"), std::string::npos);
  EXPECT_NE(ErrorOf(good + "[1, 2]").find("line 2: is no JSON object"), std::string::npos);
  EXPECT_NE(ErrorOf("{\"id\": 1, \"verdicts\": [1, 2]}").find("holds 2"), std::string::npos);
  EXPECT_NE(ErrorOf("{\"id\": 1, \"reference\": []}").find("empty list"), std::string::npos);
}

TEST(ParseItems, RefusesAFileWithoutItems) {
  EXPECT_NE(ErrorOf("").find("holds no items"), std::string::npos);
  EXPECT_NE(ErrorOf("\n \n").find("holds no items"), std::string::npos);
  // UTF-16 with its byte order mark.
  EXPECT_NE(ErrorOf(std::string_view("\xff\xfe{\0}\0", 6)).find("not UTF-8"), std::string::npos);
}

TEST(MatchItems, PutsTheOtherFileIntoTheSameOrder) {
  const auto items = ParseItems("{\"id\": 1}\n{\"id\": 2}", "a");
  const auto other = ParseItems("{\"id\": 2, \"score\": 2}\n{\"id\": 1, \"score\": 1}", "b");
  const auto matched = MatchItems(*items, *other, "a", "b");
  ASSERT_TRUE(matched.ok()) << matched.status().message();
  EXPECT_EQ((*matched)[0].score, 1.0);
  EXPECT_EQ((*matched)[1].score, 2.0);
}

TEST(MatchItems, NamesTheIdThatOneFileLacks) {
  const auto items = ParseItems("{\"id\": 1}\n{\"id\": 2}", "a");
  const auto fewer = ParseItems("{\"id\": 2}", "b");
  const auto more = ParseItems("{\"id\": 2}\n{\"id\": 1}\n{\"id\": 3}", "b");
  EXPECT_EQ(MatchItems(*items, *fewer, "a", "b").status().message(),
            "b: has no item \"1\" (a line 1); both files must hold the same ids");
  EXPECT_EQ(MatchItems(*items, *more, "a", "b").status().message(),
            "a: has no item \"3\" (b line 3); both files must hold the same ids");
}

}  // namespace
}  // namespace crumb

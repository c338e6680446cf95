#include "publish/texts.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "publish/html_report.h"

namespace crumb {
namespace {

std::map<std::string, std::string> TableOf(std::string_view language) {
  std::map<std::string, std::string> table;
  const Result<Texts> texts = Texts::For(language);
  for (const TextEntry& entry : texts->entries()) {
    EXPECT_TRUE(table.emplace(entry.key, entry.text).second) << "twice: " << entry.key;
  }
  return table;
}

std::set<std::string> Placeholders(const std::string& text) {
  std::set<std::string> names;
  const std::regex placeholder("\\{([a-z_]+)\\}");
  for (auto it = std::sregex_iterator(text.begin(), text.end(), placeholder);
       it != std::sregex_iterator(); ++it) {
    names.insert((*it)[1]);
  }
  return names;
}

TEST(Texts, BothLanguagesHaveTheSameKeysAndPlaceholders) {
  const std::map<std::string, std::string> english = TableOf("en");
  const std::map<std::string, std::string> chinese = TableOf("zh");
  EXPECT_GT(english.size(), 150u);
  EXPECT_EQ(english.size(), chinese.size());
  for (const auto& [key, text] : english) {
    const auto found = chinese.find(key);
    ASSERT_NE(found, chinese.end()) << key;
    EXPECT_EQ(Placeholders(text), Placeholders(found->second)) << key;
    EXPECT_FALSE(text.empty()) << key;
    EXPECT_FALSE(found->second.empty()) << key;
  }
}

TEST(Texts, EveryKeyOfTheTemplateExists) {
  const std::map<std::string, std::string> english = TableOf("en");
  const std::string page(ReportTemplate());
  const std::regex use("\\{\\{t\\.([a-z_]+)\\}\\}");
  int uses = 0;
  for (auto it = std::sregex_iterator(page.begin(), page.end(), use); it != std::sregex_iterator();
       ++it) {
    ++uses;
    EXPECT_TRUE(english.contains((*it)[1])) << (*it)[1];
  }
  EXPECT_GT(uses, 20);
}

TEST(Texts, ChineseTextHasNoDoubleDash) {
  for (const auto& [key, text] : TableOf("zh")) {
    EXPECT_EQ(text.find("——"), std::string::npos) << key;
  }
}

TEST(Texts, FillPutsValuesInAsTheyAre) {
  const Result<Texts> texts = Texts::For("en");
  EXPECT_EQ(texts->Fill("variant", {{"width", "{embedding}"}, {"embedding", "b"}}),
            "{embedding}, embedding b");
}

TEST(Texts, UnknownLanguageIsAnError) {
  EXPECT_EQ(Texts::For("fr").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace crumb

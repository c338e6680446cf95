#include "lint/lint.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "lint/sample.h"
#include "lint/word_list.h"

namespace crumb::lint {
namespace {

std::string Shown(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.rule + " " + std::to_string(finding.at.line) + ":" +
            std::to_string(finding.at.column) + " " + finding.text + " (" + finding.why + ")\n";
  }
  return text;
}

std::vector<Finding> FindingsOf(const Rule& rule, std::string_view sample) {
  const Subject subject = SampleSubject(sample);
  std::vector<Finding> findings;
  Sink sink(rule, subject, findings);
  rule.check(subject, sink);
  return findings;
}

TEST(Rules, EachFindsItsFailingSampleAndNothingInItsPassingOne) {
  for (const Rule& rule : AllRules()) {
    if (rule.severity == Severity::kPerson) {
      EXPECT_FALSE(rule.check) << rule.id;
      continue;
    }
    EXPECT_FALSE(FindingsOf(rule, rule.failing).empty()) << rule.id;
    EXPECT_EQ(Shown(FindingsOf(rule, rule.passing)), "") << rule.id;
  }
}

TEST(Rules, HaveDistinctIdsAWhyAndASuggestion) {
  std::set<std::string_view> ids;
  for (const Rule& rule : AllRules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_FALSE(rule.why.empty()) << rule.id;
    EXPECT_EQ(rule.suggestion.empty(), rule.severity == Severity::kPerson) << rule.id;
    EXPECT_EQ(FindRule(rule.id), &rule);
  }
  EXPECT_EQ(FindRule("R14")->id, "R14-exclamation");
  EXPECT_EQ(FindRule("R1"), nullptr);
}

TEST(Lint, FindsNothingInTheCleanArticleWithTraceAndLedger) {
  EXPECT_EQ(Shown(Lint(SampleSubject("@")).findings), "");
}

TEST(Lint, WithALedgerAloneSupportsTheCleanArticlesNumbers) {
  Subject subject = SampleSubject("@");
  subject.trace.reset();
  EXPECT_EQ(Shown(Lint(subject).findings), "");
}

TEST(Lint, WithALedgerAloneTellsContradictedFromUnsupported) {
  const Rows rows(SampleRows());
  const auto why = [&](std::string_view text) {
    Subject subject = SampleSubject(text);
    subject.rows = &rows;
    const std::vector<Finding> found = Lint(subject).findings;
    for (const Finding& finding : found) {
      if (finding.rule == "R56-unbound") return finding.why.substr(0, finding.why.find(':'));
    }
    return std::string("supported");
  };
  EXPECT_EQ(why("　　权重内存是94.2 MB。"), "supported");
  EXPECT_EQ(why("　　权重内存减少了65.0%。"), "supported");
  EXPECT_EQ(why("　　权重内存增加了65.0%。"), "contradicted");
  EXPECT_EQ(why("　　权重内存是94.3 MB。"), "contradicted");
  EXPECT_EQ(why("　　权重内存是94.2 GB。"), "contradicted");
  EXPECT_EQ(why("　　生成速度减少了65.0%。"), "contradicted");
  EXPECT_EQ(why("　　排队时间减少了65.0%。"), "unsupported");
}

TEST(Lint, GivesNoErrorForOrdinaryParagraphs) {
  const Result<std::string> text =
      ReadFile(CRUMB_SOURCE_DIR "/src/lint/testdata/ordinary_paragraphs.txt");
  ASSERT_TRUE(text.ok());
  const Result<Document> document = ReadText(*text, "ordinary");
  ASSERT_TRUE(document.ok());
  ASSERT_GE(document->blocks.size(), 20u);
  std::vector<Finding> errors;
  for (const Finding& finding : Lint(Subject(*document)).findings) {
    // They are no article: parts and bound numbers are not theirs to have.
    const bool whole = finding.rule == "R54-order" || finding.rule == "R19-numbering" ||
                       finding.rule == "R19-title" || finding.rule == "R56-unbound";
    if (finding.severity == Severity::kError && !whole) errors.push_back(finding);
  }
  EXPECT_EQ(Shown(errors), "");
}

TEST(Report, KeepsWithinEightyColumns) {
  const LintReport report =
      Lint(SampleSubject("@这是本次实测的结果=>这赋能！见www.example.com/" + std::string(90, 'a')));
  ASSERT_GT(report.errors, 2);
  const std::string all = ReportText(report) + ChecklistText() + RulesText();
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = all.find('\n', begin);
    int width = 0;
    for (size_t at = begin; at < end;) {
      const size_t from = at;
      NextCodePoint(all, &at);
      width += at - from == 3 ? 2 : 1;
    }
    EXPECT_LE(width, 80) << all.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(Report, SarifNamesARuleForEveryResult) {
  const Json sarif = ReportsSarif({Lint(SampleSubject("@没想到同样=>同样"))});
  EXPECT_EQ(sarif["version"], "2.1.0");
  std::set<std::string> ids;
  for (const Json& rule : sarif["runs"][0]["tool"]["driver"]["rules"]) ids.insert(rule["id"]);
  ASSERT_FALSE(sarif["runs"][0]["results"].empty());
  for (const Json& result : sarif["runs"][0]["results"]) {
    EXPECT_TRUE(ids.contains(result["ruleId"]));
    EXPECT_GE(result["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
  }
}

TEST(Fixed, ChangesDigitsSpacesAndIndentsOnlyAndTwiceIsOnce) {
  const std::string text = "题目\n\n一、开始 \n 正文６５％，结束。  \n　　好的。\n";
  const auto fix = [](const std::string& bytes) { return Fixed(bytes, *ReadText(bytes, "t")); };
  const std::string fixed = fix(text);
  EXPECT_EQ(fixed, "题目\n\n一、开始\n　　正文65%，结束。\n　　好的。\n");
  EXPECT_EQ(fix(fixed), fixed);
}

}  // namespace
}  // namespace crumb::lint

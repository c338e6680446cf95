// The fixture of tools/make_scoring_fixtures.py: texts, and what other programs made of them.
#ifndef CRUMB_SCORING_FIXTURE_FOR_TEST_H_
#define CRUMB_SCORING_FIXTURE_FOR_TEST_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "scoring/score.h"

namespace crumb {

inline const Json& ScoringFixture() {
  static const Json fixture = [] {
    Result<Json> read =
        ReadJsonFile(std::string(CRUMB_SOURCE_DIR) + "/src/scoring/testdata/scores.json");
    return read.ok() ? *read : Json();
  }();
  return fixture;
}

// Items of the named lists of [prediction, [references]].
inline std::vector<ScoringItem> FixtureItems(const std::vector<std::string>& lists) {
  std::vector<ScoringItem> items;
  for (const std::string& list : lists) {
    for (const Json& entry : ScoringFixture()[list]) {
      ScoringItem item;
      item.id = std::to_string(items.size());
      item.prediction = entry[0].get<std::string>();
      item.references = entry[1].get<std::vector<std::string>>();
      items.push_back(item);
    }
  }
  return items;
}

// Score of all items together.
inline double CorpusScore(const Scorer& scorer, const std::vector<ScoringItem>& items) {
  const Result<ScoreRows> rows = MakeRows(scorer, items, "fixture");
  EXPECT_TRUE(rows.ok()) << rows.status().message();
  return rows.ok() ? scorer.combine(*rows) : -1;
}

// Each item alone.
inline std::vector<double> ItemScores(const Scorer& scorer, const std::vector<ScoringItem>& items) {
  std::vector<double> scores;
  for (const ScoringItem& item : items) scores.push_back(CorpusScore(scorer, {item}));
  return scores;
}

inline void ExpectScores(const std::vector<double>& scores, const Json& expected,
                         double tolerance) {
  ASSERT_EQ(scores.size(), expected.size());
  ASSERT_FALSE(scores.empty());
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(scores[i], expected[i].get<double>(), tolerance) << "item " << i;
  }
}

// sacrebleu writes its own version behind the rest.
inline std::string WithoutVersion(const std::string& signature) {
  return signature.substr(0, signature.find("|version:"));
}

}  // namespace crumb

#endif  // CRUMB_SCORING_FIXTURE_FOR_TEST_H_

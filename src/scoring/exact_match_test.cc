#include "scoring/exact_match.h"

#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

TEST(ExactMatch, NeedsEveryCharacterOfOneReference) {
  ScoringItem item;
  item.prediction = "42";
  item.references = {"41", "42"};
  EXPECT_EQ(CorpusScore(ExactMatchScorer(), {item}), 1);
  item.prediction = "42 ";
  EXPECT_EQ(CorpusScore(ExactMatchScorer(), {item}), 0);
}

}  // namespace
}  // namespace crumb

#include "scoring/registry.h"

#include <gtest/gtest.h>

#include <string>

namespace crumb {
namespace {

TEST(ScoringRegistry, MakesEveryMetricUnderItsOwnName) {
  for (const ScorerEntry& entry : AllScorers()) {
    const std::string name = entry.name == "pass@K" ? "pass@10" : std::string(entry.name);
    const Result<Scorer> scorer = MakeScorer(name);
    ASSERT_TRUE(scorer.ok()) << name;
    EXPECT_EQ(scorer->name, name);
  }
}

TEST(ScoringRegistry, ListsTheNamesForOneThatIsUnknown) {
  for (const char* name : {"blue", "pass@", "pass@0", "pass@-1", "pass@2x", "pass@K", ""}) {
    const Result<Scorer> scorer = MakeScorer(name);
    ASSERT_FALSE(scorer.ok()) << name;
    EXPECT_EQ(scorer.status().code(), StatusCode::kInvalidArgument);
    EXPECT_NE(scorer.status().message().find("bleu_zh"), std::string::npos);
  }
}

}  // namespace
}  // namespace crumb

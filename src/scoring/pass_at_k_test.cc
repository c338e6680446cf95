#include "scoring/pass_at_k.h"

#include "base/rng.h"
#include "scoring/fixture_for_test.h"

namespace crumb {
namespace {

TEST(PassAtK, IsTheShareOfSubsetsWithASuccess) {
  for (const Json& entry : ScoringFixture()["pass_at_k"]) {
    EXPECT_NEAR(PassAtK(entry[0].get<int64_t>(), entry[1].get<int64_t>(), entry[2].get<int64_t>()),
                entry[3].get<double>(), 1e-13)
        << entry;
  }
}

TEST(PassAtK, HasNoBiasWhateverTheNumberOfSamples) {
  // Of problems that pass with probability 0.3, one of 4 passes with 1 - 0.7^4 = 0.7599. The mean
  // of 20000 estimates from 10 samples each has a standard error below 0.5 / sqrt(20000) = 0.0036.
  Rng rng(11);
  double sum = 0;
  for (int problem = 0; problem < 20000; ++problem) {
    int64_t passed = 0;
    for (int sample = 0; sample < 10; ++sample) passed += rng.Uniform() < 0.3 ? 1 : 0;
    sum += PassAtK(10, passed, 4);
  }
  EXPECT_NEAR(sum / 20000, 1 - 0.7 * 0.7 * 0.7 * 0.7, 3 * 0.0036);
}

TEST(PassAtKScorer, RefusesAnItemWithFewerSamplesThanK) {
  const Result<std::vector<ScoringItem>> items =
      ParseItems(R"({"id": "a", "verdicts": [true, 0, 1]})", "f");
  ASSERT_TRUE(items.ok()) << items.status().message();
  EXPECT_TRUE(MakeRows(PassAtKScorer(3), *items, "f").ok());
  const Result<ScoreRows> rows = MakeRows(PassAtKScorer(4), *items, "f");
  ASSERT_FALSE(rows.ok());
  EXPECT_NE(rows.status().message().find("line 1: has 3 verdicts"), std::string::npos);
}

}  // namespace
}  // namespace crumb

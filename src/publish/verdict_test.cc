#include "publish/verdict.h"

#include <gtest/gtest.h>

namespace crumb {
namespace {

Evidence Between(double low, double high) {
  Evidence row;
  row.value = (low + high) / 2;
  row.low = low;
  row.high = high;
  return row;
}

Verdict Ratio(double low, double high) {
  const Evidence row = Between(low, high);
  return JudgeRatio(&row);
}

TEST(Verdict, RatioIsWorseOnlyWhenTheWholeIntervalIs) {
  EXPECT_EQ(Ratio(0.97, 0.99), Verdict::kBetter);
  EXPECT_EQ(Ratio(0.99, 1.02), Verdict::kKept);
  EXPECT_EQ(Ratio(1.01, 1.04), Verdict::kKept);
  EXPECT_EQ(Ratio(0.98, 1.20), Verdict::kUndecided);
  EXPECT_EQ(Ratio(1.02, 1.08), Verdict::kUndecided);
  EXPECT_EQ(Ratio(1.06, 1.20), Verdict::kWorse);
  EXPECT_EQ(Ratio(1.90, 2.50), Verdict::kWorse);
  EXPECT_EQ(Ratio(2.01, 9.00), Verdict::kBroken);
}

TEST(Verdict, NothingIsDecidedWithoutAnInterval) {
  Evidence row;
  row.value = 40;
  EXPECT_EQ(JudgeRatio(&row), Verdict::kUndecided);
  EXPECT_EQ(JudgeCosine(&row), Verdict::kUndecided);
  EXPECT_EQ(JudgeRatio(nullptr), Verdict::kUnknown);
  EXPECT_EQ(JudgeCosine(nullptr), Verdict::kUnknown);
  EXPECT_EQ(Compare(&row, &row), Comparison::kUnknown);
}

TEST(Verdict, CosineIsJudgedByItsWholeInterval) {
  const Evidence kept = Between(0.992, 0.994);
  const Evidence near = Between(0.985, 0.995);
  const Evidence worse = Between(0.90, 0.92);
  const Evidence broken = Between(0.2, 0.3);
  EXPECT_EQ(JudgeCosine(&kept), Verdict::kKept);
  EXPECT_EQ(JudgeCosine(&near), Verdict::kUndecided);
  EXPECT_EQ(JudgeCosine(&worse), Verdict::kWorse);
  EXPECT_EQ(JudgeCosine(&broken), Verdict::kBroken);
}

TEST(Verdict, OverlappingIntervalsShowNoDifference) {
  const Evidence slow = Between(10, 20);
  const Evidence middle = Between(19, 30);
  const Evidence fast = Between(31, 40);
  EXPECT_EQ(Compare(&slow, &middle), Comparison::kNoDifference);
  EXPECT_EQ(Compare(&fast, &slow), Comparison::kHigher);
  EXPECT_EQ(Compare(&slow, &fast), Comparison::kLower);
}

}  // namespace
}  // namespace crumb

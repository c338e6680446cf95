#include "article/number.h"

#include <gtest/gtest.h>

#include <cmath>

namespace crumb::article {
namespace {

Evidence Row(double value, std::optional<double> half, std::string unit = "",
             std::string metric = "m") {
  Evidence row;
  row.metric = std::move(metric);
  row.value = value;
  row.unit = std::move(unit);
  if (half.has_value()) {
    row.low = value - *half;
    row.high = value + *half;
  }
  return row;
}

std::string Told(Scale scale, Direction direction, const Evidence& row,
                 const Evidence* baseline = nullptr) {
  const std::optional<Printed> printed = Print(scale, direction, row, baseline);
  return printed.has_value() ? printed->before + printed->number + printed->after : "";
}

TEST(Number, LastDigitIsWorthATenthOfTheHalfWidthOrMore) {
  for (double half = 1e-4; half < 50; half *= 1.37) {
    const Evidence row = Row(123.456, half);
    const std::optional<Printed> printed = Print(Scale::kUnit, Direction::kLevel, row, nullptr);
    ASSERT_TRUE(printed.has_value());
    EXPECT_GE(std::pow(10.0, -printed->digits), half / 10);
  }
}

TEST(Number, ZerosFillWhereTheIntervalSupportsNoDigit) {
  const Evidence row = Row(226.1, 31.75, "tokens/s");
  const std::optional<Printed> printed = Print(Scale::kUnit, Direction::kLevel, row, nullptr);
  ASSERT_TRUE(printed.has_value());
  EXPECT_EQ(printed->number, "230");
  EXPECT_EQ(printed->digits, -1);
  EXPECT_EQ(printed->before + printed->number + printed->after, "每秒230个词元");
}

TEST(Number, AnIntervalOfMoreThanHalfTheValueIsNotTold) {
  EXPECT_EQ(Told(Scale::kTimes, Direction::kLevel, Row(57240, 51740)), "");
  EXPECT_EQ(Told(Scale::kTimes, Direction::kLevel, Row(3.1, 0.7)), "3.1倍");
  EXPECT_EQ(Told(Scale::kUnit, Direction::kLevel, Row(0.067, 0.043)), "0.07");
  EXPECT_EQ(Told(Scale::kUnit, Direction::kLevel, Row(0.067, 0.07)), "");
}

TEST(Number, AChangeSmallerThanItsHalfWidthIsNeverAChange) {
  const Evidence row = Row(1.02, 0.03);
  EXPECT_EQ(Told(Scale::kExcess, Direction::kHigher, row), "");
  EXPECT_EQ(Told(Scale::kExcess, Direction::kHigher, Row(1.143, 0.043)), "14%");
}

TEST(Number, AnIntervalThatHoldsOneIsNoExcess) {
  Evidence row = Row(1.05, 0.049);
  row.low = 0.999;  // skew: the logarithm's interval
  EXPECT_EQ(Told(Scale::kExcess, Direction::kHigher, row), "");
}

TEST(Number, AWrongDirectionFailsClosed) {
  const Evidence reference = Row(269.1e6, {}, "bytes");
  Evidence row = Row(70.0e6, {}, "bytes");
  row.kind = "computed";
  EXPECT_EQ(Told(Scale::kUnit, Direction::kLowerTo, row, &reference), "70.0 MB");
  EXPECT_EQ(Told(Scale::kUnit, Direction::kHigherTo, row, &reference), "");
  EXPECT_EQ(Told(Scale::kChange, Direction::kLower, row, &reference), "74%");
  EXPECT_EQ(Told(Scale::kChange, Direction::kHigher, row, &reference), "");
}

TEST(Number, ALevelMovedOnlyWhereIntervalsDoNotTouch) {
  const Evidence reference = Row(100, 5, "tokens/s");
  EXPECT_EQ(Told(Scale::kUnit, Direction::kHigherTo, Row(108, 4, "tokens/s"), &reference), "");
  EXPECT_EQ(Told(Scale::kUnit, Direction::kHigherTo, Row(112, 4, "tokens/s"), &reference),
            "每秒112个词元");
}

TEST(Number, ABaselineOfAnotherMetricIsRefused) {
  const Evidence other = Row(2, 0.1, "", "other");
  EXPECT_FALSE(Measure(Scale::kChange, Row(1, 0.1), &other).has_value());
}

TEST(Number, SpreadIsTheHalfWidthAsAShare) {
  EXPECT_EQ(Told(Scale::kSpread, Direction::kLevel, Row(200, 28, "tokens/s")), "±14%");
  EXPECT_EQ(Told(Scale::kSpread, Direction::kLevel, Row(200, {}, "tokens/s")), "");
}

TEST(Number, ALoadIsToldByTheDayAndPerSecondWhereItIsLarge) {
  EXPECT_EQ(Told(Scale::kUnit, Direction::kLevel, Row(3000.0 / 86400, {}, "requests/s")),
            "每天3000次");
  EXPECT_EQ(Told(Scale::kUnit, Direction::kLevel, Row(2, {}, "requests/s")), "每秒2.00次");
}

TEST(Number, NothingButZeroIsNotPrinted) {
  EXPECT_EQ(Told(Scale::kPercent, Direction::kLevel, Row(0.0002, {})), "");
}

}  // namespace
}  // namespace crumb::article

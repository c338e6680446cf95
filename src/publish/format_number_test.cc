#include "publish/format_number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

namespace crumb {
namespace {

Evidence Measured(double value, double low, double high) {
  Evidence row;
  row.value = value;
  row.low = low;
  row.high = high;
  return row;
}

TEST(FormatNumber, ValueEndsAtSecondDigitOfHalfInterval) {
  const FormattedNumber number = FormatNumber(Measured(23.5127, 22.9069, 24.1185));
  EXPECT_EQ(number.value, "23.51");
  EXPECT_EQ(number.low, "22.91");
  EXPECT_EQ(number.high, "24.12");
}

TEST(FormatNumber, HalfWidthThatRoundsUpMovesTheLastDigit) {
  EXPECT_EQ(SupportedDecimals(0.0994), 3);  // 0.099
  EXPECT_EQ(SupportedDecimals(0.0996), 2);  // 0.10
  EXPECT_EQ(SupportedDecimals(1.0), 1);
  EXPECT_EQ(SupportedDecimals(10.0), 0);
  EXPECT_EQ(SupportedDecimals(1234.0), -2);
}

TEST(FormatNumber, WideIntervalsRoundToTensAndHundreds) {
  const FormattedNumber number = FormatNumber(Measured(48211.7, 30123, 77045));
  EXPECT_EQ(number.value, "48,000");
  EXPECT_EQ(number.low, "30,000");
  EXPECT_EQ(number.high, "77,000");
}

TEST(FormatNumber, SkewedIntervalLosesNoEnd) {
  const FormattedNumber number = FormatNumber(Measured(1034, 1.23, 1.2e6));
  EXPECT_EQ(number.value, "1000");
  EXPECT_EQ(number.low, "1.2");
  EXPECT_EQ(number.high, "1,200,000");
}

TEST(FormatNumber, DigitsShownNeverExceedTheInterval) {
  // The last digit shown is never smaller than a hundredth of half the interval's width.
  for (double half = 1e-5; half < 1e5; half *= 1.37) {
    const int decimals = SupportedDecimals(half);
    const double last_digit = std::pow(10.0, -decimals);
    EXPECT_LE(last_digit, half / 9.949) << half;
    EXPECT_GE(last_digit, half / 100.1) << half;
  }
}

TEST(FormatNumber, IntervalWithoutWidthCountsAsNone) {
  const FormattedNumber number = FormatNumber(Measured(1, 1, 1));
  EXPECT_EQ(number.value, "1.00");
  EXPECT_EQ(number.low, "");
}

TEST(FormatNumber, ExactValuesKeepFourDigitsAndMeasuredThree) {
  Evidence row;
  row.value = 269060552;
  row.kind = "computed";
  EXPECT_EQ(FormatNumber(row, 1e6).value, "269.1");
  row.kind = "measured";
  EXPECT_EQ(FormatNumber(row, 1e6).value, "269");
}

TEST(FormatNumber, ThousandsAreSetApartFromFiveDigits) {
  EXPECT_EQ(FormatRounded(9999, 0), "9999");
  EXPECT_EQ(FormatRounded(10000, 0), "10,000");
  EXPECT_EQ(FormatRounded(-1234567.25, 2), "-1,234,567.25");
  EXPECT_EQ(FormatRounded(123456, -3), "123,000");
}

TEST(FormatNumber, ExtremesAreWrittenWithAPowerOfTen) {
  EXPECT_EQ(FormatRounded(1.234e9, -8), "1.2e9");
  EXPECT_EQ(FormatRounded(3.21e-8, 9), "3.2e-8");
  EXPECT_EQ(FormatRounded(INFINITY, 2), "inf");
  EXPECT_EQ(FormatRounded(-INFINITY, 2), "-inf");
}

TEST(FormatNumber, ZeroHasNoSign) {
  EXPECT_EQ(FormatRounded(0, 2), "0.00");
  EXPECT_EQ(FormatRounded(-0.0004, 2), "0.00");
}

TEST(FormatNumber, UnitSizeScalesTheIntervalToo) {
  const FormattedNumber number = FormatNumber(Measured(31.25e9, 30.9e9, 31.6e9), 1e9);
  EXPECT_EQ(number.value, "31.25");
  EXPECT_EQ(number.low, "30.90");
  EXPECT_EQ(number.high, "31.60");
}

}  // namespace
}  // namespace crumb

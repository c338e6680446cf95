#include "lint/binding.h"

#include <gtest/gtest.h>

#include <string>

#include "lint/sample.h"

namespace crumb::lint {
namespace {

// The first open numeral of a paragraph.
struct One {
  explicit One(std::string_view text) : subject(*ReadText("　　" + std::string(text), "t")) {
    for (const Numeral& found : subject.numerals) {
      if (found.closed.empty()) numeral = found;
    }
  }
  Subject subject;
  Numeral numeral;  // the last open one
};

std::string DirectionOf(std::string_view text) {
  const One one(text);
  return GoverningDirection(one.subject, one.numeral);
}

std::string MetricOf(std::string_view text) {
  const One one(text);
  const std::optional<MetricWord> word = GoverningMetric(one.subject, one.numeral);
  return word.has_value() ? std::string(word->word) : "";
}

TEST(Direction, TellsAChangeFromALevel) {
  EXPECT_EQ(DirectionOf("内存降低了72.5%。"), "lower");
  EXPECT_EQ(DirectionOf("内存降低到72.5%。"), "lower-to");
  EXPECT_EQ(DirectionOf("内存从90 MB降至50 MB。"), "lower-to");
  EXPECT_EQ(DirectionOf("速度提升1.8倍。"), "higher");
  EXPECT_EQ(DirectionOf("速度下降，内存是50 MB。"), "level");
  EXPECT_EQ(DirectionOf("内存增加为50 MB。"), "higher-to");
}

TEST(Metric, IsTheNearestWordBeforeOrTheFirstBehind) {
  EXPECT_EQ(MetricOf("困惑度不变，生成速度是5词元每秒。"), "生成速度");
  EXPECT_EQ(MetricOf("用0.41秒的加载时间。"), "加载时间");
  EXPECT_EQ(MetricOf("峰值内存是5 MB。"), "峰值内存");
  EXPECT_EQ(MetricOf("困惑度。是5 MB。"), "");
}

TEST(Value, RoundsHalfToEvenAtThePrintedDigits) {
  const auto fits = [](std::string_view text, double value) {
    return ValueFits(One(text).numeral, value);
  };
  EXPECT_TRUE(fits("72.5%", 0.7251));
  EXPECT_FALSE(fits("72.5%", 0.7256));
  EXPECT_TRUE(fits("2个百分点", 0.025));  // half to even
  EXPECT_TRUE(fits("3倍", 2.5000001));
  EXPECT_FALSE(fits("2倍", 2.5000001));
  EXPECT_TRUE(fits("94.2 MB", 94'249'999));
  EXPECT_FALSE(fits("94.2 MB", 94'250'001));
}

TEST(Value, ZerosThatOnlyFillAreRoundedToTens) {
  Numeral numeral = One("每秒230个词元").numeral;
  EXPECT_EQ(TrailingZeros(numeral), 1);
  EXPECT_FALSE(ValueFits(numeral, 226.1));
  EXPECT_FALSE(DigitsFit(numeral, 31));
  numeral.digits = -1;  // as a trace says
  EXPECT_TRUE(ValueFits(numeral, 226.1));
  EXPECT_FALSE(ValueFits(numeral, 236));
  EXPECT_TRUE(DigitsFit(numeral, 31));
  EXPECT_EQ(TrailingZeros(One("每秒1200个词元").numeral), 2);
  EXPECT_EQ(TrailingZeros(One("20.50").numeral), 0);
}

TEST(Value, ALoadIsReadByTheDay) {
  EXPECT_TRUE(ValueFits(One("请求量是每天3000次。").numeral, 3000.0 / 86400));
  EXPECT_TRUE(ValueFits(One("请求量是每分钟40次。").numeral, 40.0 / 60));
}

TEST(Digits, MayReachATenthOfTheHalfWidth) {
  EXPECT_TRUE(DigitsFit(One("20.51").numeral, 0.1));
  EXPECT_FALSE(DigitsFit(One("20.51").numeral, 0.11));
  EXPECT_TRUE(DigitsFit(One("7.1%").numeral, 0.01));
}

TEST(Compute, SpreadIsTheHalfWidthAsAShareOfTheValue) {
  const std::vector<Evidence> rows = SampleRows();
  const auto spread = Compute("spread", rows[6], nullptr);  // 18.4 [18.1, 18.7]
  ASSERT_TRUE(spread.has_value());
  EXPECT_NEAR(spread->value, 0.3 / 18.4, 1e-12);
  EXPECT_TRUE(FormFits("spread", One("±2%").numeral, rows[6]));
  EXPECT_FALSE(FormFits("spread", One("2%").numeral, rows[6]));
  EXPECT_FALSE(Compute("spread", rows[0], nullptr).has_value());  // no interval
}

TEST(Compute, GivesChangesFromTwoRowsWithTheirSign) {
  const std::vector<Evidence> rows = SampleRows();
  const auto change = Compute("change", rows[1], &rows[0]);
  ASSERT_TRUE(change.has_value());
  EXPECT_NEAR(change->value, 1 - 94.2 / 269.1, 1e-12);
  EXPECT_EQ(change->sign, -1);
  EXPECT_EQ(change->half_width, 0);
  EXPECT_FALSE(Compute("change", rows[1], nullptr).has_value());
  EXPECT_FALSE(Compute("change", rows[1], &rows[2]).has_value());  // another metric
  const auto points = Compute("points", rows[12], &rows[11]);
  ASSERT_TRUE(points.has_value());
  // Two intervals of 0.013 to either side: a change of 0.017 is not shown by them.
  EXPECT_NEAR(points->half_width, 0.013 * 1.41421356, 1e-6);
  EXPECT_LT(points->value, points->half_width);
}

}  // namespace
}  // namespace crumb::lint

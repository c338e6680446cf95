#include "lint/numeral.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace crumb::lint {
namespace {

// "TEXT=VALUE UNIT CLOSED" of each numeral of one paragraph.
std::string Scan(std::string_view text) {
  const Result<Document> document = ReadText("　　" + std::string(text), "t");
  std::string all;
  for (const Numeral& numeral : FindNumerals(*document)) {
    if (!all.empty()) all += " | ";
    all += fmt::format("{}={:.6g}", numeral.text, numeral.value * numeral.factor);
    if (!numeral.unit.empty()) all += fmt::format(" {}", numeral.unit);
    if (!numeral.closed.empty()) all += fmt::format(" {}", numeral.closed);
    if (numeral.date) all += " date";
  }
  return all;
}

TEST(Numeral, ReadsArabicChineseAndMixedForms) {
  EXPECT_EQ(Scan("降低72.5%。"), "72.5%=0.725");
  EXPECT_EQ(Scan("降低百分之七十二点五。"), "百分之七十二点五=0.725");
  EXPECT_EQ(Scan("降低百分之12.5。"), "百分之12.5=0.125");
  EXPECT_EQ(Scan("降低三成。"), "三成=0.3");
  EXPECT_EQ(Scan("是原来的1.8倍。"), "1.8倍=1.8");
  EXPECT_EQ(Scan("是原来的三倍。"), "三倍=3");
  EXPECT_EQ(Scan("差2.1个百分点。"), "2.1个百分点=0.021");
  EXPECT_EQ(Scan("每天5万次。"), "5万=0.578704 requests/s");
  EXPECT_EQ(Scan("共1.2亿字节。"), "1.2亿=1.2e+08 bytes");
  EXPECT_EQ(Scan("波动±18%。"), "±18%=0.18");
  EXPECT_EQ(Scan("只有三分之一。"), "三分之一=0.333333");
  EXPECT_EQ(Scan("减少一半。"), "一半=0.5");
  EXPECT_EQ(Scan("速度翻倍。"), "翻倍=2");
  EXPECT_EQ(Scan("错了千分之五。"), "千分之五=0.005");
  EXPECT_EQ(Scan("快了百倍，省了数百台，是½。"), "百倍=100 | 数百=100 | ½=0.5");
  EXPECT_EQ(Scan("共12,345字节。"), "12,345=12345 bytes");
  EXPECT_EQ(Scan("１２．５％的人"), "１２．５％=0.125");
  EXPECT_EQ(Scan("一百二十秒"), "一百二十=120 s");
}

TEST(Numeral, ReadsBothEndsOfARangeWithTheUnitOfTheSecond) {
  EXPECT_EQ(Scan("用了3至5秒。"), "3=3 s | 5=5 s");
  EXPECT_EQ(Scan("用了3–5秒。"), "3=3 s | 5=5 s");
  EXPECT_EQ(Scan("用了三到五秒。"), "三=3 s | 五=5 s");
  EXPECT_EQ(Scan("占67%~89%。"), "67%=0.67 | 89%=0.89");
}

TEST(Numeral, KnowsUnits) {
  EXPECT_EQ(Scan("功耗18瓦，响应1.2秒。"), "18=18 W | 1.2=1.2 s");
  EXPECT_EQ(Scan("等了350毫秒。"), "350=0.35 s");
  EXPECT_EQ(Scan("占4.5 GB。"), "4.5=4.5e+09 bytes");
  EXPECT_EQ(Scan("每秒23.4个词元。"), "23.4=23.4 tokens/s");
  EXPECT_EQ(Scan("速度是23.4词元每秒。"), "23.4=23.4 tokens/s");
  EXPECT_EQ(Scan("读了2000个词元。"), "2000=2000 tokens");
}

TEST(Numeral, NamesItsClosedClasses) {
  EXPECT_EQ(Scan("2024年第二季度和2025年。"), "2024年第二季度=2024 quarter | 2025年=2025 quarter");
  EXPECT_EQ(Scan("二〇二四年二季度。"), "二〇二四年二季度=2024 quarter");
  EXPECT_EQ(Scan("下面分三步，讲四个问题。"), "三=3 count | 四=4 count");
  EXPECT_EQ(Scan("拨打12345，用T4和昇腾910B。"), "12345=0 name | T4=0 name | 昇腾910B=0 name");
  EXPECT_EQ(Scan("只用4个二进制位。"), "4=4 name");
  EXPECT_EQ(Scan("第一步，映射"), "一=1 section");
  EXPECT_EQ(Scan("审计第七项。"), "七=7");
  EXPECT_EQ(Scan("共123456人。"), "123456=123456");
}

TEST(Numeral, SeesMonthsAndDays) {
  EXPECT_EQ(Scan("在6月完成。"), "6=6 date");
  EXPECT_EQ(Scan("十二月。"), "十二=12 date");
}

TEST(Numeral, LeavesWordsAlone) {
  EXPECT_EQ(Scan("一些人统一用同一个版本，第一次一起试，不成问题，完成之后十分清楚。"), "");
  EXPECT_EQ(Scan("四位整数和三位版本都是名字，四川、三亚、五金店也是。"), "");
  EXPECT_EQ(Scan("这一点一直一样，一方面唯一，一半不是。").substr(0, 6), "一半");
  EXPECT_EQ(Scan("成为成本，成功。"), "");
}

TEST(Numeral, ParsesChineseIntegers) {
  const auto value = [](std::u32string_view text) {
    double parsed = -1;
    EXPECT_TRUE(ParseChineseInteger(text, &parsed));
    return parsed;
  };
  EXPECT_EQ(value(U"十"), 10);
  EXPECT_EQ(value(U"二十三"), 23);
  EXPECT_EQ(value(U"一百零五"), 105);
  EXPECT_EQ(value(U"三千二百"), 3200);
  EXPECT_EQ(value(U"两万五千"), 25000);
  EXPECT_EQ(value(U"一亿二千万"), 120000000);
  EXPECT_EQ(value(U"二〇二四"), 2024);
}

}  // namespace
}  // namespace crumb::lint

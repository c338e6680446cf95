#include "publish/claims_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crumb {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string PageOf(std::string_view csv, std::string_view language) {
  const Result<Facts> facts = Facts::Shipped();
  const Result<ClaimsReport> report = CheckClaims(csv, "claims.csv", *facts, {});
  EXPECT_TRUE(report.ok()) << report.status().message();
  const Result<std::string> page = ClaimsPage(*report, language);
  EXPECT_TRUE(page.ok()) << page.status().message();
  return *page;
}

TEST(ClaimsPage, LoadsNothingAndHasEveryClaim) {
  const std::string page = PageOf(ShippedClaims(), "en");
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  size_t claims = 0;
  for (size_t at = page.find("<details"); at != std::string::npos;
       at = page.find("<details", at + 1)) {
    ++claims;
  }
  EXPECT_EQ(claims, 408u);
  EXPECT_THAT(page, HasSubstr("14 GB of weights / 2039 GB/s"));
}

TEST(ClaimsPage, SpeaksChinese) {
  const std::string page = PageOf(ShippedClaims(), "zh");
  EXPECT_THAT(page, HasSubstr("lang=\"zh-CN\""));
  EXPECT_THAT(page, HasSubstr("不可能"));
  EXPECT_THAT(page, Not(HasSubstr("not testable here")));
}

TEST(ClaimsPage, TextOfATableCanNotBecomeMarkup) {
  const std::string page = PageOf(
      "id,line,section,table,row,column,raw,value,unit\n"
      "<b>,1,1,T,<script>alert(1)</script>,INT2,\"\"\"><img src=x>\",1,MB\n",
      "en");
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
}

TEST(ClaimsPage, AnotherLanguageIsRefused) {
  const Result<Facts> facts = Facts::Shipped();
  const Result<ClaimsReport> report = CheckClaims(ShippedClaims(), "claims.csv", *facts, {});
  EXPECT_FALSE(ClaimsPage(*report, "fr").ok());
}

}  // namespace
}  // namespace crumb

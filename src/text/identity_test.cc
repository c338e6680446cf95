#include "text/identity.h"

#include <gtest/gtest.h>

#include <string>

namespace crumb {
namespace {

std::string WhatOf(std::string_view text) {
  const auto match = FirstIdentity(text);
  return match.has_value() ? std::string(match->what) : "";
}

TEST(Identity, EachKindIsFoundAndNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"report at https://example.org/a.pdf", "a URL"},
      {"见www.example.com的报告", "a URL"},
      {"asked ops@example.org about it", "an e-mail address"},
      {"the report of example.gov", "a domain"},
      {"the server 10.0.12.7", "an IP address"},
      {"the server fe80:0:0:0:1ff:fe23:4567:890a", "an IP address"},
      {"call 13912345678", "a telephone number"},
      {"call +49 30 1234567", "a telephone number"},
      {"card 4111 1111 1111 1111", "a card number"},
      {"号码110101199003074518", "a card number"},
      {"微信号abc", "an account"},
      {"run 123e4567-e89b-12d3-a456-426614174000", "a UUID"},
      {"log in /srv/data/run.log", "a path"},
      {"log in C:\\data\\run", "a path"},
      {"measured on gpu-node-07", "the name of a host"},
      {"root@server", "a user at a machine"},
      {"commit 0123456789abcdef0123", "a hardware address or a hash"},
      {"2024年6月的报告", "a date more exact than a quarter"},
      {"report of June 2024", "a date more exact than a quarter"},
      {"report of 3 Jun 2024", "a date more exact than a quarter"},
      {"report of 2024-06-03", "a date more exact than a quarter"},
      {"report of 06/03/2024", "a date more exact than a quarter"},
      {"report of 20240603", "a date more exact than a quarter"},
      {"on Friday", "a date more exact than a quarter"},
      {"user: jsmith", "a user name"},
      {"工号 A1234", "a user name"},
      {"Dr. Miller", "a person's name"},
      {"told by Alice Miller of the office", "a person's name"},
      {"John Q. Public", "a person's name"},
      {"Zhang Wei", "a person's name"},
      {"张伟经理", "a person's name"},
      {"负责人：李雷", "a person's name"},
      {"王小明", "a person's name"},
  };
  for (const auto& [text, what] : cases) EXPECT_EQ(WhatOf(text), what) << text;
}

TEST(Identity, PublicNamesQuartersAndUnitsAreNone) {
  for (const char* text :
       {"Qwen technical report, table 3", "Llama-2-7b-chat on H100", "昇腾910B部署记录", "2024 Q2",
        "2024-Q2", "2024年第二季度", "12 tokens/s", "national audit office, finding 12",
        "figures may differ", "int4+embed8", "arXiv 2306.00978", "某省政务热线运行记录",
        "高级工程师登记", "state hotline, log of three months"}) {
    EXPECT_EQ(WhatOf(text), "") << text;
  }
}

TEST(Identity, MatchesOfAFamilyDoNotOverlap) {
  const std::string text = "www.example.com mail a@example.com 10.0.0.1";
  const auto matches = FindIdentity(Utf16Text(text), IdentityFamily::kContact);
  ASSERT_EQ(matches.size(), 3u);
  for (size_t i = 1; i < matches.size(); ++i) {
    EXPECT_GE(matches[i].span.begin, matches[i - 1].span.end);
  }
}

}  // namespace
}  // namespace crumb

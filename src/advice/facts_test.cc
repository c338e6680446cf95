#include "advice/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crumb {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHead = "name,property,value,unit,source\n";

TEST(Facts, EveryShippedNumberOfTheWorldHasASource) {
  const Result<Facts> facts = Facts::Shipped();
  ASSERT_TRUE(facts.ok()) << facts.status().message();
  for (const std::string_view kind : {"device", "model", "task", "published"}) {
    EXPECT_FALSE(facts->OfKind(kind).empty()) << kind;
  }
  EXPECT_EQ(facts->FindIn("device", "A100 (80GB)")->Number("bandwidth"), 2039e9);
}

TEST(Facts, TheLongestAliasThatIsAWordWins) {
  const Result<Facts> facts = Facts::Shipped();
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->FindIn("device", "LLaMA-7B on one A100-80")->name, "A100 80GB");
  EXPECT_EQ(facts->FindIn("device", "LLaMA-7B (A100)")->name, "NVIDIA A100");
  EXPECT_EQ(facts->FindIn("model", "BERT-large")->name, "BERT-large");
  EXPECT_EQ(facts->FindIn("model", "移动端BERT (ARM)")->name, "BERT-base");
  EXPECT_EQ(facts->FindIn("model", "TinyBERT"), nullptr);
  EXPECT_EQ(facts->FindIn("device", "FARM"), nullptr);
}

TEST(Facts, RefusesANumberWithoutASourceAndAPropertyGivenTwice) {
  const auto message = [](const std::string& rows) {
    const Result<Facts> facts = Facts::Parse(std::string(kHead) + rows, "f.csv");
    return facts.ok() ? std::string("read") : facts.status().message();
  };
  EXPECT_THAT(message("X,bandwidth,5,bytes/s,\n"),
              HasSubstr("f.csv:2: bandwidth of X has no source"));
  EXPECT_THAT(message("X,kind,device,,\nX,kind,model,,\n"),
              HasSubstr("f.csv:3: kind of X is given twice"));
  EXPECT_THAT(Facts::Parse("name,value\n", "f.csv").status().message(),
              HasSubstr("'property' is missing"));
}

}  // namespace
}  // namespace crumb

#include "advice/claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "advice/claims_for_test.h"
#include "advice/measured.h"

namespace crumb {
namespace {

using testing::HasSubstr;

constexpr const char* kHead = "id,line,section,table,row,column,raw,value,unit\n";

std::vector<Claim> Read(const std::string& rows) {
  static const Result<Facts> facts = Facts::Shipped();
  Result<std::vector<Claim>> claims = ReadClaims(kHead + rows, "c.csv", *facts);
  EXPECT_TRUE(claims.ok()) << claims.status().message();
  return std::move(claims).value();
}

std::string Refusal(const std::string& csv) {
  const Result<Facts> facts = Facts::Shipped();
  const Result<std::vector<Claim>> claims = ReadClaims(csv, "c.csv", *facts);
  return claims.ok() ? std::string("read") : claims.status().message();
}

TEST(Claim, WidthsAreWordsOfTheirOwn) {
  EXPECT_EQ(WidthsIn("FP16推理").high, 16);
  EXPECT_EQ(WidthsIn("backbone INT2, head INT4").high, 4);
  EXPECT_EQ(WidthsIn("backbone INT2, head INT4").low, 2);
  EXPECT_EQ(WidthsIn("INT16").low, 16);  // and does not name INT1
  EXPECT_EQ(WidthsIn("parameters").high, 0);
}

TEST(Claim, UnitsBecomeQuantitiesInOneUnit) {
  const std::vector<Claim> claims = Read(
      "a,1,2.2,T weight size,LLaMA-7B,INT4,3.5GB,3.5,GB\n"
      "b,1,2.1,T time,A100 (80GB),INT8,4.8s,4.8,s per 100 tokens\n"
      "c,1,2.3,T energy,LLaMA-7B (A100),FP16,2.5 kWh,2.5,kWh per 1M tokens\n"
      "d,1,1.1,T3 WikiText PPL by LLM,LLaMA-7B,INT2,+25.4%,+25.4,% vs FP16\n");
  EXPECT_EQ(claims[0].quantity, Quantity::kWeightBytes);
  EXPECT_DOUBLE_EQ(claims[0].value, 3.5e9);
  EXPECT_DOUBLE_EQ(claims[0].slack, 0.05e9);
  EXPECT_EQ(claims[0].bits, 4);
  EXPECT_DOUBLE_EQ(claims[1].value, 0.048);
  EXPECT_EQ(claims[1].device->name, "A100 80GB");
  EXPECT_DOUBLE_EQ(claims[2].value, 9.0);  // 2.5 kWh for a million tokens is 9 J for one
  EXPECT_EQ(claims[3].quantity, Quantity::kPerplexityRise);
  EXPECT_EQ(claims[3].base_bits, 16);
}

TEST(Claim, ACellWithSeveralValuesBecomesSeveralClaims) {
  const std::vector<Claim> claims = Read(
      "a,1,4.1,prose,voice,model,Conformer (50M → INT4 → 12.5MB),50 -> 12.5,M? -> MB\n"
      "b,1,3.2A,prose,shop,FP16 cost,$500k (500),500000 / 500,USD/month / GPUs\n");
  ASSERT_EQ(claims.size(), 4u);
  EXPECT_EQ(claims[0].quantity, Quantity::kParameters);
  EXPECT_EQ(claims[1].id, "a.2");
  EXPECT_EQ(claims[1].bits, 4);
  EXPECT_EQ(claims[2].quantity, Quantity::kMonthlyCost);
  EXPECT_EQ(claims[3].quantity, Quantity::kMachines);
  EXPECT_EQ(claims[3].bits, 16);
}

TEST(Claim, RangesAndSignsAreNumbers) {
  const std::vector<Claim> claims = Read(
      "a,1,1,T,x,INT2,5-10%,5..10,% accuracy loss\nb,1,1,T,x,INT1,10+,10..20+,% accuracy loss\n"
      "c,1,1,T,x,INT1,<50,<50,GLUE points\nd,1,1,T,x,INT1,-,-,text\n");
  EXPECT_EQ(claims[0].value, 5);
  EXPECT_EQ(claims[0].high, 10);
  EXPECT_EQ(claims[1].high, 20);
  EXPECT_EQ(claims[2].value, 50);
  EXPECT_EQ(claims[3].quantity, Quantity::kOther);
}

TEST(Claim, BadTablesAreRefusedInOneLine) {
  EXPECT_THAT(Refusal("id,line\n"), HasSubstr("c.csv:1: the column 'section' is missing"));
  const std::string head = kHead;
  EXPECT_THAT(Refusal(head), HasSubstr("no claims"));
  EXPECT_THAT(Refusal(head + "a,1,1,T,x,INT2,v,much,MB\n"),
              HasSubstr("c.csv:2: the value 'much' of a is not a number"));
  const std::string row = "a,1,1,T,x,INT2,v,1,MB\n";
  EXPECT_THAT(Refusal(head + row + row), HasSubstr("c.csv:3: the id 'a' is there twice"));
  EXPECT_THAT(Refusal(head + ",1,1,T,x,INT2,v,1,MB\n"), HasSubstr("the id '' is empty"));
}

Evidence Row(int64_t id, std::string metric, std::string subject, double value) {
  Evidence row;
  row.id = id;
  row.metric = std::move(metric);
  row.subject = std::move(subject);
  row.value = value;
  row.low = value * 0.99;
  row.high = value * 1.01;
  row.model = "own-model.gguf";
  return row;
}

TEST(Claim, NamesOfVersionsHaveAWidth) {
  EXPECT_EQ(WidthOfSubject("trellis4+embed8"), 4);
  EXPECT_EQ(WidthOfSubject("gptq-int3+embed8"), 3);
  EXPECT_EQ(WidthOfSubject("ternary-ternary+embed8"), 1.58);
  EXPECT_EQ(WidthOfSubject("binary-row+embed8"), 1);
  EXPECT_EQ(WidthOfSubject("mixed2.50+embed-trellis4"), 0);
  EXPECT_EQ(WidthOfSubject("reference"), 0);
}

TEST(Claim, AMeasurementOfTheSameModelDecides) {
  const std::string csv = std::string(kHead) +
                          "a,1,1,T perplexity,own-model,INT4,+5%,5,% vs FP16\n"
                          "b,1,1,T perplexity,own-model,INT2,+5%,5,% vs FP16\n"
                          "c,1,1,T perplexity,other,INT4,+50%,50,% vs FP16\n"
                          "d,1,1,T speed,own-model,INT4,3x,3,x vs FP16\n"
                          "e,1,1,T own-model,sentiment (SST-2),INT4,-1.0,-1.0,points change\n"
                          "f,1,1,T own-model,stories (HellaSwag),INT4,-1.0,-1.0,points change\n";
  std::vector<Evidence> rows = {Row(1, "perplexity_ratio", "int4+embed8", 1.05),
                                Row(2, "perplexity_ratio", "int2+embed8", 3),
                                Row(3, "generation_tokens_per_second", "int4+embed8", 20),
                                Row(4, "generation_tokens_per_second", "reference", 10)};
  rows.push_back(Row(5, "task_accuracy_change", "int4+embed8", -0.03));
  rows.back().text = "sst2:acc";
  std::swap(rows.back().low, rows.back().high);  // 0.99 of a negative value is the higher end
  const ClaimsReport report = Check(csv, rows);
  EXPECT_EQ(Judged(report, "a").verdict, ClaimVerdict::kConfirmed);
  EXPECT_EQ(Judged(report, "b").verdict, ClaimVerdict::kContradicted);
  // Another model: shown, but it decides nothing.
  EXPECT_EQ(Judged(report, "c").verdict, ClaimVerdict::kNotTestable);
  EXPECT_EQ(Judged(report, "c").measured->id, 1);
  EXPECT_FALSE(Judged(report, "c").measured->same_model);
  EXPECT_DOUBLE_EQ(Judged(report, "d").measured->value, 2);
  EXPECT_EQ(Judged(report, "d").measured->reference, 4);
  EXPECT_EQ(Judged(report, "d").verdict, ClaimVerdict::kContradicted);
  // The change of the claim's own task, in points.
  EXPECT_DOUBLE_EQ(Judged(report, "e").measured->value, -3);
  EXPECT_FALSE(Judged(report, "f").measured.has_value());
  // What somebody else published was not measured here.
  for (Evidence& row : rows) row.kind = "public";
  const ClaimsReport published = Check(csv, rows);
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    EXPECT_FALSE(Judged(published, id).measured.has_value()) << id;
  }
}

}  // namespace
}  // namespace crumb

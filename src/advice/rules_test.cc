// Each rule on small tables of its own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "advice/claims_for_test.h"

namespace crumb {
namespace {

constexpr const char* kHead = "id,line,section,table,row,column,raw,value,unit\n";

ClaimVerdict VerdictOf(const std::string& rows, std::string_view id, std::string_view rule) {
  return RuleVerdict(Judged(Check(kHead + rows), id), rule);
}

TEST(Rules, ASizeIsImpossibleOnlyBelowItsCodes) {
  const std::string head = "p,1,1,T size,thing,parameters,10M,10,M params\n";
  const auto verdict = [&](const std::string& megabytes) {
    return VerdictOf(head + "a,1,1,T size,thing,INT4,x," + megabytes + ",MB\n", "a", "size");
  };
  EXPECT_EQ(verdict("4.9"), ClaimVerdict::kImpossible);
  EXPECT_EQ(verdict("4.95"), ClaimVerdict::kImpossible);
  EXPECT_EQ(verdict("5.0"), ClaimVerdict::kConfirmed);
  EXPECT_EQ(verdict("5.3"), ClaimVerdict::kNotTestable);  // scales have room
}

TEST(Rules, OneSequenceMayGainAsMuchAsItsBytes) {
  const auto verdict = [](const std::string& seconds) {
    return VerdictOf(
        "b,1,1,T,A100 (80GB),FP16,x,16.0,s per 100 tokens\na,1,1,T,A100 (80GB),INT4,x," + seconds +
            ",s per 100 tokens\n",
        "a", "speed-up");
  };
  EXPECT_EQ(verdict("4.0"), ClaimVerdict::kNotTestable);
  EXPECT_EQ(verdict("3.9"), ClaimVerdict::kImpossible);
}

TEST(Rules, ThroughputAtOneBatchIsImpossibleAndAtAnotherContradicted) {
  const std::string rate =
      "b,1,1,T A100-80,FP16,QPS,10,10,req/s\na,1,1,T A100-80,INT8,QPS,30,30,req/s\n"
      "c,1,1,T A100-80,FP16,batch,8,8,requests\n";
  EXPECT_EQ(VerdictOf(rate + "d,1,1,T A100-80,INT8,batch,8,8,requests\n", "a", "throughput"),
            ClaimVerdict::kImpossible);
  EXPECT_EQ(VerdictOf(rate + "d,1,1,T A100-80,INT8,batch,16,16,requests\n", "a", "throughput"),
            ClaimVerdict::kContradicted);
}

TEST(Rules, ATokenFasterThanItsWeightsCanBeReadIsImpossible) {
  const std::string size = "p,1,1,T LLaMA-7B,x,parameters,7B,7,B params\n";
  EXPECT_EQ(
      VerdictOf(size + "a,1,1,T LLaMA-7B,RTX 4090,FP16,x,1.2,s per 100 tokens\n", "a", "roofline"),
      ClaimVerdict::kImpossible);
  EXPECT_EQ(
      VerdictOf(size + "a,1,1,T LLaMA-7B,RTX 4090,FP16,x,1.6,s per 100 tokens\n", "a", "roofline"),
      ClaimVerdict::kNotTestable);
}

TEST(Rules, PowerAboveTheBoardIsImpossible) {
  const auto verdict = [](const std::string& kwh) {
    return VerdictOf(
        "t,1,1,T LLaMA-7B,A100 (80GB),FP16,x,10.0,s per 100 tokens\n"
        "a,1,1,E,LLaMA-7B (A100),FP16,x," +
            kwh + ",kWh per 1M tokens\n",
        "a", "energy");
  };
  EXPECT_EQ(verdict("8.0"), ClaimVerdict::kNotTestable);  // 288 W
  EXPECT_EQ(verdict("14.0"), ClaimVerdict::kImpossible);  // 504 W
}

TEST(Rules, LittlesLawHoldsMeanLatencyBelowP99) {
  const auto verdict = [](const std::string& p99) {
    return VerdictOf(
        "b,1,1,T,INT8,batch,16,16,requests\nq,1,1,T,INT8,QPS,38,38,req/s\na,1,1,T,INT8,P99,x," +
            p99 + ",ms\n",
        "a", "little");
  };
  EXPECT_EQ(verdict("520"), ClaimVerdict::kConfirmed);
  EXPECT_EQ(verdict("400"), ClaimVerdict::kImpossible);  // 16 / 38 = 421 ms
}

TEST(Rules, MoreBitsNeverTakeLessMemory) {
  const std::string rows = "a,1,1,T memory,thing,INT2,x,6,GB\nb,1,1,T memory,thing,INT4,x,4,GB\n";
  EXPECT_EQ(VerdictOf(rows, "a", "memory"), ClaimVerdict::kImpossible);
  EXPECT_EQ(VerdictOf(rows, "b", "memory"), ClaimVerdict::kNotTestable);
}

TEST(Rules, ALossIsHeldAgainstItsOwnBaseAndChance) {
  const auto verdict = [](const std::string& loss) {
    return VerdictOf(
        "b,1,1,T,sentiment (SST-2),FP32,x,90,% accuracy\na,1,1,T,sentiment (SST-2),INT2,x," + loss +
            ",points vs FP32\n",
        "a", "drop");
  };
  EXPECT_EQ(verdict("-39"), ClaimVerdict::kNotTestable);
  EXPECT_EQ(verdict("-42"), ClaimVerdict::kImpossible);  // below one of two labels by chance
}

TEST(Rules, PrintedChangesFollowFromPrintedValues) {
  const std::string rows =
      "b,1,1,T,x,FP32,72.0,72.0,% top-1\nv,1,1,T,x,INT2,66.2,66.2,% top-1\n"
      "a,1,1,T,x,INT2,-5.8,-5.8,points vs FP32\n";
  EXPECT_EQ(VerdictOf(rows, "a", "arithmetic"), ClaimVerdict::kConfirmed);
  EXPECT_EQ(VerdictOf(rows + "c,1,1,T,x,INT2,-6.8,-6.8,points vs FP32\n", "c", "arithmetic"),
            ClaimVerdict::kContradicted);
}

std::string Sizes(int count, double per_decade) {
  std::string rows = "law,1,1,prose,scale,per 10x,30%,30,% less loss per 10x\n";
  double loss = 40;
  const char* sizes[] = {"1", "10", "100", "1000", "10000"};
  for (int i = 0; i < count; ++i) {
    const std::string name = "m" + std::to_string(i);
    // A little off the line, so that the residuals are not 0.
    const double shown = loss * (i % 2 == 0 ? 1.02 : 0.98);
    rows += fmt::format("{0}p,1,1,T,{0},parameters,x,{1},M params\n", name, sizes[i]);
    rows += fmt::format("{0}l,1,1,T,{0},INT2,x,-{1:.6f},points vs FP32\n", name, shown);
    loss *= per_decade;
  }
  return rows;
}

TEST(Rules, AScaleLawNeedsFourSizesAndTheStatedSlope) {
  EXPECT_EQ(VerdictOf(Sizes(3, 0.7), "law", "scale"), ClaimVerdict::kNotTestable);
  EXPECT_EQ(VerdictOf(Sizes(4, 0.7), "law", "scale"), ClaimVerdict::kConfirmed);
  EXPECT_EQ(VerdictOf(Sizes(5, 1.0), "law", "scale"), ClaimVerdict::kContradicted);
}

TEST(Rules, PriceTimesMachinesIsTheSaving) {
  const std::string rows =
      "a,1,3,prose,s,FP16,x,360000,USD/month\nb,1,3,prose,s,INT4,x,108000,USD/month\n";
  EXPECT_EQ(VerdictOf(rows + "y,1,3,prose,s,INT4,x,3024000,USD/yr\n", "y", "price"),
            ClaimVerdict::kConfirmed);
  EXPECT_EQ(VerdictOf(rows + "y,1,3,prose,s,INT4,x,5000000,USD/yr\n", "y", "price"),
            ClaimVerdict::kContradicted);
}

TEST(Rules, FactsOfOnesOwnMayLackAnything) {
  const Result<Facts> facts = Facts::Parse(
      "name,property,value,unit,source\nP,kind,published,,\nP,parameters,7e9,,x\nP,bits,2,bits,x\n"
      "P,training,none,,\nD,kind,device,,\nD,alias,A100,,\nM,kind,model,,\nM,alias,LLaMA-7B,,\n",
      "f.csv");
  ASSERT_TRUE(facts.ok()) << facts.status().message();
  EXPECT_TRUE(CheckClaims(ShippedClaims(), "claims.csv", *facts, {}).ok());
}

TEST(Rules, TrainingNamedTakesAClaimOutOfTheComparisonWithoutTraining) {
  const std::string edited = EditedClaims({{"t3.3.int2", "about", "training=qat"}});
  EXPECT_EQ(RuleVerdict(Judged(Check(edited), "t3.3.int2"), "published"),
            ClaimVerdict::kNotTestable);
}

}  // namespace
}  // namespace crumb

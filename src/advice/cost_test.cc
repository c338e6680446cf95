#include "advice/cost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "advice/claim.h"
#include "advice/data.h"

namespace crumb {
namespace {

using testing::HasSubstr;

Serving Rate(double goodput, double tokens = 0) {
  Serving serving;
  serving.name = "version";
  serving.goodput = goodput;
  serving.tokens_per_second = tokens;
  return serving;
}

int64_t Machines(double goodput, double utilization, int64_t reserve = 0, double qps = 1000) {
  const Result<CostReport> report = PlanCost(
      {.price_per_hour = 1, .target_qps = qps, .utilization = utilization, .reserve = reserve},
      {Rate(goodput)});
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report->results[0].machines;
}

TEST(Cost, MachinesForALoad) {
  EXPECT_EQ(Machines(12, 0.7), 120);
  EXPECT_EQ(Machines(68, 0.7), 22);
  EXPECT_EQ(Machines(12, 1), 84);
  EXPECT_EQ(Machines(68, 1), 15);
  EXPECT_EQ(Machines(68, 1, 2), 17);
  // 100 / (10 x 0.1) is 100 but for rounding, and needs no machine more.
  EXPECT_EQ(Machines(10, 0.1, 0, 100), 100);
}

TEST(Cost, AMillionTokens) {
  const Result<CostReport> report =
      PlanCost({.price_per_hour = 2.466, .utilization = 1, .reserve = 0}, {Rate(0, 1200)});
  ASSERT_TRUE(report.ok());
  EXPECT_NEAR(report->results[0].million_tokens, 0.5708, 5e-5);
}

TEST(Cost, TheNotesTableFollowsFromTheOneBeforeAndIsUnfair) {
  const Result<std::vector<Serving>> servings =
      ReadServings(AdviceFile("serving.csv"), "serving.csv");
  ASSERT_TRUE(servings.ok());
  const Result<CostReport> report = PlanCost(
      {.price_per_hour = 1800 / kHoursPerMonth, .target_qps = 1000, .utilization = 1, .reserve = 0},
      *servings);
  ASSERT_TRUE(report.ok());
  const int64_t machines[] = {84, 27, 15, 20};
  const double month[] = {151200, 48600, 27000, 36000};
  const double saving[] = {0, 68, 82, 76};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(report->results[i].machines, machines[i]);
    EXPECT_NEAR(report->results[i].month, month[i], 1e-6);
    EXPECT_NEAR(100 * report->results[i].saving, saving[i], 0.5);
  }
  const std::string text = CostText(*report, "en");
  EXPECT_THAT(text, HasSubstr("INT2 has a P99 of 1500 ms"));
  EXPECT_THAT(text, HasSubstr("INT4 ran 32 requests at once"));
  EXPECT_THAT(text, HasSubstr("every machine is fully used"));
}

TEST(Cost, TheShippedRatesAreTheClaimsOfTheNote) {
  const Result<std::vector<Serving>> servings =
      ReadServings(AdviceFile("serving.csv"), "serving.csv");
  const Result<Facts> facts = Facts::Shipped();
  const Result<std::vector<Claim>> claims =
      ReadClaims(AdviceFile("claims.csv"), "claims.csv", *facts);
  ASSERT_TRUE(servings.ok() && claims.ok());
  for (const Serving& serving : *servings) {
    int found = 0;
    for (const Claim& claim : *claims) {
      if (claim.row != serving.name) continue;
      const double* expected = claim.quantity == Quantity::kThroughput   ? &serving.goodput
                               : claim.quantity == Quantity::kLatencyP99 ? &serving.p99_seconds
                               : claim.quantity == Quantity::kBatch      ? &serving.batch
                                                                         : nullptr;
      if (expected == nullptr) continue;
      EXPECT_DOUBLE_EQ(*expected, claim.value) << claim.id;
      ++found;
    }
    EXPECT_EQ(found, 3) << serving.name;
  }
}

TEST(Cost, AFairComparisonHasNoRemarks) {
  Serving a = Rate(10);
  a.p99_seconds = 0.8;
  a.batch = 8;
  Serving b = a;
  b.goodput = 20;
  const Result<CostReport> report = PlanCost({.price_per_hour = 1,
                                              .target_qps = 100,
                                              .utilization = 0.7,
                                              .reserve = 1,
                                              .latency_seconds = 1},
                                             {a, b});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->unfair.empty());
  b.p99_seconds = 1.2;
  const Result<CostReport> slow = PlanCost({.price_per_hour = 1,
                                            .target_qps = 100,
                                            .utilization = 0.7,
                                            .reserve = 1,
                                            .latency_seconds = 1},
                                           {a, b});
  EXPECT_FALSE(slow->results[1].meets_latency);
  EXPECT_EQ(slow->unfair.size(), 2u);
}

TEST(Cost, RefusesWhatCanNotBeMeant) {
  const auto message = [](CostPlan plan, const Serving& serving) {
    const Result<CostReport> report = PlanCost(plan, {serving});
    return report.ok() ? std::string("planned") : report.status().message();
  };
  EXPECT_THAT(message({.price_per_hour = -1}, Rate(1)), HasSubstr("--price -1"));
  EXPECT_THAT(message({.price_per_hour = 1, .target_qps = -5}, Rate(1)), HasSubstr("--qps -5"));
  EXPECT_THAT(message({.price_per_hour = 1, .utilization = 1.5}, Rate(1)),
              HasSubstr("--utilization"));
  EXPECT_THAT(message({.price_per_hour = 1, .reserve = -1}, Rate(1)), HasSubstr("--redundancy"));
  EXPECT_THAT(message({.price_per_hour = 1}, Rate(0)), HasSubstr("must be above 0"));
  EXPECT_THAT(message({.price_per_hour = 1, .target_qps = 5}, Rate(0, 10)), HasSubstr("--goodput"));
}

TEST(Cost, ATableOfRatesIsCheckedByLine) {
  const auto message = [](std::string_view csv) {
    const Result<std::vector<Serving>> servings = ReadServings(csv, "s.csv");
    return servings.ok() ? std::string("read") : servings.status().message();
  };
  EXPECT_THAT(message("name\nx\n"), HasSubstr("'goodput' is missing"));
  EXPECT_THAT(message("name,goodput\nx,fast\n"), HasSubstr("s.csv:2: 'fast' of x"));
  EXPECT_THAT(message("name,goodput\nx,-3\n"), HasSubstr("s.csv:2"));
  EXPECT_THAT(message("name,goodput\n"), HasSubstr("no rows"));
}

}  // namespace
}  // namespace crumb

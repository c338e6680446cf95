// The fourteen problems of the source note that are beyond theory: each is found by a rule, and is
// gone when the figures at fault are changed to possible ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "advice/claims_for_test.h"

namespace crumb {
namespace {

struct Fault {
  const char* what;
  std::vector<std::string> claims;  // that are flagged
  const char* rule;
  ClaimVerdict verdict;
  std::vector<Edit> repair;
};

// GoogleTest prints this in place of bytes.
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.what; }

std::vector<Fault> Faults() {
  constexpr ClaimVerdict kImpossible = ClaimVerdict::kImpossible;
  constexpr ClaimVerdict kContradicted = ClaimVerdict::kContradicted;
  return {
      {"INT8 more than twice as fast as FP16",
       {"t9.1.int8", "t9.2.int8", "t9.3.int8"},
       "speed-up",
       kImpossible,
       {{"t9.1.int8", "value", "6.5"},
        {"t9.2.int8", "value", "6.5"},
        {"t9.3.int8", "value", "9.6"}}},
      {"throughput gained by a larger batch",
       {"t13.int8.qps", "t13.int4.qps"},
       "throughput",
       kContradicted,
       {{"t13.int8.batch", "value", "8"},
        {"t13.int4.batch", "value", "8"},
        {"t13.int2.batch", "value", "8"},
        {"t13.int8.qps", "value", "22"},
        {"t13.int4.qps", "value", "40"},
        {"t13.int2.qps", "value", "13"}}},
      {"six times fewer machines by a quarter of the bits",
       {"s3.2A.int4.machines"},
       "machines",
       kImpossible,
       {{"s3.2A.int4.machines", "value", "130"}}},
      {"a billion parameters of 4 bits in 250 MB",
       {"s4.3.int4"},
       "size",
       kImpossible,
       {{"s4.3.int4", "value", "520"}}},
      {"50 million parameters of 4 bits in 12.5 MB",
       {"s4.1.int4"},
       "size",
       kImpossible,
       {{"s4.1.int4", "value", "25"}}},
      {"a mixture as large as its wider part",
       {"s3.1B.mixed"},
       "mixture",
       kContradicted,
       {{"s3.1B.mixed", "value", "1.7"}}},
      {"one bit far better than any published",
       {"t3.3.int1", "t3.3.int1.change"},
       "published",
       kContradicted,
       {{"t3.3.int1", "value", "24"}, {"t3.3.int1.change", "value", "322.5"}}},
      {"two bits without training as good as with it",
       {"t3.3.int2", "t3.3.int2.change"},
       "published",
       kContradicted,
       {{"t3.3.int2", "value", "8.0"}, {"t3.3.int2.change", "value", "40.8"}}},
      {"a loss larger than the whole score",
       {"t6.3.int1"},
       "drop",
       kImpossible,
       {{"t6.3.int1", "value", "-9"}}},
      {"energy that is time multiplied by a constant",
       {"t12.1.fp16", "t12.1.int8", "t12.1.int4", "t12.1.int2"},
       "energy",
       kContradicted,
       {{"t12.1.fp16", "value", "13"},
        {"t12.1.int8", "value", "3.0"},
        {"t12.1.int4", "value", "2.2"},
        {"t12.1.int2", "value", "5.0"}}},
      {"a baseline eighteen times slower than its memory",
       {"t9.1.fp16"},
       "roofline",
       kContradicted,
       {{"t9.1.fp16", "value", "1.5"}}},
      {"out of memory at two bits where sixteen run",
       {"t9.2.int2"},
       "memory",
       kImpossible,
       {{"t9.2.int2", "raw", "5.0s"},
        {"t9.2.int2", "value", "5.0"},
        {"t9.2.int2", "unit", "s per 100 tokens"}}},
      {"slower and yet less energy",
       {"t12.2.int2"},
       "energy",
       kContradicted,
       {{"t12.2.int2", "value", "0.60"}}},
      {"a gain on general hardware that the note itself denies",
       {"s3.3B.int2"},
       "hardware",
       kContradicted,
       {{"s3.3B.int2", "value", "36"}}},
  };
}

class ClaimsFault : public testing::TestWithParam<Fault> {};

TEST_P(ClaimsFault, IsFoundAndIsGoneWhenTheFiguresAreRepaired) {
  const Fault& fault = GetParam();
  const ClaimsReport before = Check(ShippedClaims());
  const ClaimsReport after = Check(EditedClaims(fault.repair));
  for (const std::string& id : fault.claims) {
    EXPECT_EQ(RuleVerdict(Judged(before, id), fault.rule), fault.verdict) << id;
    EXPECT_GE(Judged(before, id).verdict, fault.verdict) << id;
    EXPECT_LT(RuleVerdict(Judged(after, id), fault.rule), ClaimVerdict::kContradicted) << id;
    EXPECT_LT(Judged(after, id).verdict, ClaimVerdict::kContradicted)
        << id << ": " << Judged(after, id).findings.front().why.en;
  }
}

std::string NameOf(const testing::TestParamInfo<Fault>& info) {
  return "Problem" + std::to_string(info.index + 1);
}
INSTANTIATE_TEST_SUITE_P(BeyondTheory, ClaimsFault, testing::ValuesIn(Faults()), NameOf);

TEST(ClaimsCheck, VerdictsDoNotDependOnIdsOrTheOrderOfRows) {
  Result<CsvTable> table = ParseCsv(ShippedClaims(), "claims.csv");
  ASSERT_TRUE(table.ok());
  std::string csv = "id,line,section,table,row,column,raw,value,unit,gloss,about\n";
  std::ranges::reverse(table->rows);
  int number = 0;
  for (const CsvRow& row : table->rows) {
    csv += "X" + std::to_string(++number);
    for (size_t i = 1; i < row.cells.size(); ++i) csv += ",\"" + row.cells[i] + "\"";
    csv += "\n";
  }
  const ClaimsReport report = Check(csv);
  const ClaimsReport original = Check(ShippedClaims());
  for (const ClaimVerdict verdict : {ClaimVerdict::kImpossible, ClaimVerdict::kContradicted,
                                     ClaimVerdict::kConfirmed, ClaimVerdict::kNotTestable}) {
    EXPECT_EQ(report.Count(verdict), original.Count(verdict)) << VerdictName(verdict);
  }
}

TEST(ClaimsCheck, EveryFindingHasABoundOrAReasonInBothLanguages) {
  const ClaimsReport report = Check(ShippedClaims());
  for (const JudgedClaim& judged : report.judged) {
    for (const Finding& finding : judged.findings) {
      EXPECT_FALSE(finding.why.en.empty()) << judged.claim->id;
      EXPECT_FALSE(finding.why.zh.empty()) << judged.claim->id;
    }
  }
  EXPECT_GT(report.Count(ClaimVerdict::kConfirmed), 100u);
}

}  // namespace
}  // namespace crumb

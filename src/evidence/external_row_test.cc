#include "evidence/external_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/json.h"
#include "evidence/example_evidence.h"
#include "evidence/ledger_test_util.h"

namespace crumb {
namespace {

using testing::HasSubstr;

ExternalRow Published() {
  ExternalRow row;
  row.kind = "public";
  row.source = "Qwen2 technical report, table 9";
  row.metric = "task_accuracy";
  row.subject = "int4";
  row.value = 0.651;
  row.quarter = "2024-Q3";
  return row;
}

ExternalRow Given() {
  ExternalRow row = Published();
  row.kind = "manual";
  row.source = "";
  row.by_role = "hotline operations manager";
  row.reason = "requests of one day, counted";
  return row;
}

std::string Refusal(const ExternalRow& row) {
  const Result<Evidence> made = MakeExternalRow(row);
  return made.ok() ? "" : made.status().message();
}

std::string Changed(ExternalRow row, const std::function<void(ExternalRow&)>& change) {
  change(row);
  return Refusal(row);
}

using ExternalRowTest = LedgerFolder;

TEST_F(ExternalRowTest, ARowOfEachKindIsTakenAndTheChainStaysWhole) {
  const std::unique_ptr<Ledger> ledger = OpenOrDie();
  ASSERT_TRUE(ledger->Append(SampleRow(0)).ok());
  int64_t id = 1;
  for (const char* kind : {"public", "deployment", "audit", "manual"}) {
    ExternalRow external = kind == std::string("manual") ? Given() : Published();
    external.kind = kind;
    const Result<Evidence> row = MakeExternalRow(external);
    ASSERT_TRUE(row.ok()) << row.status().message();
    const Result<int64_t> added = ledger->Append(*row);
    ASSERT_TRUE(added.ok()) << added.status().message();
    EXPECT_EQ(*added, ++id);
    const Result<Evidence> read = ledger->Get(id);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(read->quarter, "2024-Q3");
    EXPECT_EQ(read->method, "external");
    EXPECT_TRUE(IsExternal(*read));
    EXPECT_EQ(SourceOf(*read), external.source);
  }
  EXPECT_EQ(SourceOf(SampleRow(0)), "");
  EXPECT_FALSE(IsExternal(SampleRow(0)));
  EXPECT_TRUE(ledger->Verify({}).ok());
}

TEST(ExternalRow, EveryTextIsDeidentifiedAndTheMessageSaysWhichPart) {
  const std::pair<const char*, const char*> parts[] = {
      {"report at https://example.org/a", "a URL"},
      {"mail ops@example.org", "an e-mail address"},
      {"see example.gov", "a domain"},
      {"server 10.1.2.3", "an IP address"},
      {"call 13912345678", "a telephone number"},
      {"4111111111111111", "a card number"},
      {"log /srv/data/a.log", "a path"},
      {"on gpu-node-07", "the name of a host"},
      {"user: jsmith", "a user name"},
      {"2024-06-03 report", "a date"},
      {"told by Alice Miller", "a person's name"},
      {"张伟经理的登记", "a person's name"},
      {"123e4567-e89b-12d3-a456-426614174000", "a UUID"},
  };
  for (const auto& [text, what] : parts) {
    const std::string source = Changed(Published(), [&](ExternalRow& r) { r.source = text; });
    EXPECT_THAT(source, HasSubstr("--source")) << text;
    EXPECT_THAT(source, HasSubstr(what)) << text;
    EXPECT_THAT(Changed(Published(), [&](ExternalRow& r) { r.subject = text; }),
                HasSubstr("--subject"));
    EXPECT_THAT(Changed(Published(), [&](ExternalRow& r) { r.baseline = text; }),
                HasSubstr("--baseline"));
    EXPECT_THAT(Changed(Published(), [&](ExternalRow& r) { r.n_of = text; }), HasSubstr("--n-of"));
    EXPECT_THAT(Changed(Given(), [&](ExternalRow& r) { r.reason = text; }), HasSubstr("--reason"));
  }
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.source = "a\nb"; }),
              HasSubstr("one line"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.source = "\xff"; }), HasSubstr("UTF-8"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.source = "   "; }),
              HasSubstr("nothing but spaces"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.source = std::string(301, 'x'); }),
              HasSubstr("at most 300"));
}

TEST(ExternalRow, ASourceOrARoleIsNeededAndARoleIsNoName) {
  for (const char* kind : {"public", "deployment", "audit"}) {
    EXPECT_THAT(Changed(Published(),
                        [&](ExternalRow& r) {
                          r.kind = kind;
                          r.source = "";
                        }),
                HasSubstr("--source"));
  }
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.kind = "measured"; }),
              HasSubstr("--kind"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.by_role = "engineer"; }),
              HasSubstr("--by-role"));
  EXPECT_THAT(Changed(Given(), [](ExternalRow& r) { r.reason = ""; }), HasSubstr("--reason"));
  for (const char* name : {"Smith", "engineer Smith", "smith", "Li Lei", "张三"}) {
    EXPECT_THAT(Changed(Given(), [&](ExternalRow& r) { r.by_role = name; }), HasSubstr("--by-role"))
        << name;
  }
  for (const char* role : {"platform engineer", "IT operations lead", "平台工程师", "值班长"}) {
    EXPECT_EQ(Changed(Given(), [&](ExternalRow& r) { r.by_role = role; }), "") << role;
  }
}

TEST(ExternalRow, ValueIntervalUnitAndQuarterMustBeAbleToBeMeant) {
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.value = 65.1; }),
              HasSubstr("from 0 to 1"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.value = NAN; }), HasSubstr("--value"));
  EXPECT_THAT(Changed(Published(),
                      [](ExternalRow& r) {
                        r.metric = "ttft_ms";
                        r.value = std::numeric_limits<double>::infinity();
                      }),
              HasSubstr("--value"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.low = 0.6; }), HasSubstr("both ends"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.low = 0.7, r.high = 0.8; }),
              HasSubstr("not between"));
  EXPECT_EQ(Changed(Published(), [](ExternalRow& r) { r.low = 0.6, r.high = 0.7; }), "");
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.unit = "%"; }), HasSubstr("0.72"));
  EXPECT_THAT(Changed(Published(),
                      [](ExternalRow& r) {
                        r.metric = "ttft_ms";
                        r.unit = "s";
                      }),
              HasSubstr("kept in ms"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.metric = "study_note"; }),
              HasSubstr("--metric"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.n = 0; }), HasSubstr("--n 0"));
  EXPECT_THAT(Changed(Published(), [](ExternalRow& r) { r.n = 9; }), HasSubstr("--n-of"));
  for (const char* quarter : {"", "2024", "2024-06", "2024-Q5", "2024Q2", "9999-Q1", "0001-Q1"}) {
    EXPECT_THAT(Changed(Published(), [&](ExternalRow& r) { r.quarter = quarter; }),
                HasSubstr("--quarter"))
        << quarter;
  }
}

TEST(ExternalRow, ExamplesOfTheSpecificationAreRefusedUnlessConfirmedAndThatIsKept) {
  const std::function<void(ExternalRow&)> examples[] = {
      [](ExternalRow& r) { r.value = 0.72; },
      [](ExternalRow& r) { r.value = 0.77; },
      [](ExternalRow& r) { r.value = 0.34; },
      [](ExternalRow& r) { r.value = 0.18; },
      [](ExternalRow& r) { r.metric = "task_accuracy_change", r.value = -0.021; },
      [](ExternalRow& r) { r.value = 0.5, r.low = 0.41, r.high = 0.59; },
      [](ExternalRow& r) { r.metric = "e2el_ms", r.value = 1200; },
      [](ExternalRow& r) { r.metric = "load_seconds", r.value = 1.2; },
      [](ExternalRow& r) { r.metric = "request_throughput", r.value = 0.5787; },
      [](ExternalRow& r) { r.source = "NIAQC 2024 Q2 audit finding #7"; },
      [](ExternalRow& r) { r.source = "National AI Testing Center, internal report"; },
      [](ExternalRow& r) { r.source = "3 deployed provincial government chatbots"; },
      [](ExternalRow& r) { r.source = "5 provincial AI platform logs, anonymized"; },
      [](ExternalRow& r) { r.source = "memory fell by 72 %"; },
      [](ExternalRow& r) { r.source = "latency varied by ±18%"; },
      [](ExternalRow& r) { r.source = "某市12345平台"; },
      [](ExternalRow& r) { r.source = "审计报告第七项"; },
  };
  for (const auto& example : examples) {
    ExternalRow row = Published();
    example(row);
    EXPECT_THAT(Refusal(row), HasSubstr("--confirm-own-source")) << row.source << row.value;
    row.confirm_own_source = true;
    const Result<Evidence> made = MakeExternalRow(row);
    ASSERT_TRUE(made.ok()) << made.status().message();
    EXPECT_THAT(made->detail, HasSubstr("\"confirmed_own_source\":true"));
  }
  const Result<Evidence> plain = MakeExternalRow(Published());
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->detail.find("confirmed"), std::string::npos);
  EXPECT_EQ(ExampleIn("172 %, 0.72 %, finding #71, 2.15 s"), "");
}

TEST(ExternalRow, ACorrectionNamesTheRowItReplacesAndNoMeasuredOne) {
  const Evidence first = *MakeExternalRow(Published());
  Evidence stored = first;
  stored.id = 1;
  Evidence measured = SampleRow(0);
  measured.id = 2;
  const std::vector<Evidence> rows = {stored, measured};
  EXPECT_THAT(CheckExternalRow(first, rows).message(), HasSubstr("--supersedes 1"));
  Evidence next = first;
  next.supersedes = "1";
  EXPECT_TRUE(CheckExternalRow(next, rows).ok());
  next.supersedes = "2";
  EXPECT_THAT(CheckExternalRow(next, rows).message(), HasSubstr("only a row that was added"));
  next.supersedes = "9";
  EXPECT_THAT(CheckExternalRow(next, rows).message(), HasSubstr("no such row"));
  ExternalRow other = Published();
  other.source = "another report, table 2";
  EXPECT_TRUE(CheckExternalRow(*MakeExternalRow(other), rows).ok());
}

}  // namespace
}  // namespace crumb

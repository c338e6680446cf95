#include "lab/bench_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"

namespace crumb {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

BenchTest Generation() {
  BenchTest test;
  test.model_filename = "tiny \"q\" o'clock.gguf";
  test.model_type = "llama 0.3 M f16";
  test.model_size = 1 << 20;
  test.model_n_params = 260000;
  test.threads = 2;
  test.kv_type = "f16";
  test.n_gen = 100;
  test.tokens_per_second = {100, 50, 200};
  return test;
}

TEST(BenchRows, AveragesAreThoseOfLlamaBench) {
  const Json row = BenchRow(Generation());
  EXPECT_EQ(row["samples_ns"], Json({1000000000, 2000000000, 500000000}));
  EXPECT_EQ(row["samples_ts"], Json({100.0, 50.0, 200.0}));
  EXPECT_EQ(row["avg_ns"], 1166666666);
  EXPECT_DOUBLE_EQ(row["avg_ts"].get<double>(), 350.0 / 3);  // the mean of the rates
  EXPECT_NEAR(row["stddev_ts"].get<double>(), 76.3763, 1e-4);
  EXPECT_EQ(TestName(row), "tg100");
  EXPECT_EQ(row["valid"], true);
}

TEST(BenchRows, PercentilesThatThreeRunsCanNotGiveAreNull) {
  BenchTest test = Generation();
  const Json few = BenchRow(test);
  EXPECT_TRUE(few["p50_ns"].is_null());
  EXPECT_TRUE(few["p99_ns"].is_null());
  EXPECT_EQ(few["max_ns"], 2e9);
  test.token_seconds.assign(700, 0.25);
  const Json tokens = BenchRow(test)["token_latency"];
  EXPECT_EQ(tokens["n"], 700);
  EXPECT_DOUBLE_EQ(tokens["p99_ms"].get<double>(), 250);
}

TEST(BenchRows, WhatTheKernelDoesNotTellIsNull) {
  const Json power = BenchRow(Generation())["power"];
  EXPECT_TRUE(power["governor"].is_null());
  EXPECT_TRUE(power["clock_hz"].is_null());
  EXPECT_TRUE(power["throttle_events"].is_null());
}

TEST(BenchRows, EveryFormatHoldsTheRow) {
  BenchTest invalid = Generation();
  invalid.reasons = {"other processes took 9.0 % of the CPU time"};
  const Json rows = {BenchRow(Generation()), BenchRow(invalid)};
  const std::string csv = FormatRows(rows, "csv").value();
  EXPECT_THAT(csv, StartsWith("build_commit,build_number,cpu_info,"));
  EXPECT_THAT(csv, HasSubstr("\"tiny \"\"q\"\" o'clock.gguf\""));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 3);
  const std::string sql = FormatRows(rows, "sql").value();
  EXPECT_THAT(sql, HasSubstr("'tiny \"q\" o''clock.gguf'"));
  EXPECT_THAT(sql, HasSubstr("avg_ts REAL"));
  const std::string md = FormatRows(rows, "md").value();
  EXPECT_THAT(md, HasSubstr("| tg100 | 116.67 ± 76.38 |  |"));
  EXPECT_THAT(md, HasSubstr("INVALID"));
  EXPECT_EQ(ParseJson(FormatRows(rows, "json").value(), "x").value(), rows);
  const std::string jsonl = FormatRows(rows, "jsonl").value();
  EXPECT_EQ(std::ranges::count(jsonl, '\n'), 2);
  EXPECT_EQ(FormatRows(rows, "xml").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace crumb

#include "lab/bench_rows.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "base/version.h"
#include "measure/latency.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

// p50, p90, p95 and p99 in some unit, null where there are too few samples for them.
void AddPercentiles(std::vector<double> values, double scale, const std::string& unit, Json& json) {
  const LatencySummary summary = Summarize(std::move(values), 0);
  for (const PercentileValue& percentile : summary.percentiles) {
    const std::string name = fmt::format("p{:.0f}_{}", 100 * percentile.percentile, unit);
    json[name] = percentile.value.has_value() ? Json(scale * *percentile.value) : Json();
  }
  json["max_" + unit] = scale * summary.max;
}

Json PowerJson(const PowerState& power) {
  const auto told = [](int64_t value, int64_t unknown) {
    return value == unknown ? Json() : Json(value);
  };
  Json json = Json::object();
  json["governor"] = power.governor.empty() ? Json() : Json(power.governor);
  json["clock_hz"] = told(power.clock_hz, 0);
  json["clock_max_hz"] = told(power.clock_max_hz, 0);
  json["clock_source"] = power.clock_source;
  json["throttle_events"] = told(power.throttle_events, -1);
  return json;
}

// Whole numbers as such, texts in `quote`s that are doubled inside.
std::string Cell(const Json& value, char quote) {
  if (!value.is_string()) return value.is_null() ? "" : DumpJson(value);
  std::string text(1, quote);
  for (const char c : value.get_ref<const std::string&>()) text.append(c == quote ? 2 : 1, c);
  return text + quote;
}

std::string Join(const std::vector<std::string>& cells, std::string_view between) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += between;
    line += cell;
  }
  return line;
}

std::vector<std::string> FlatNames(const Json& row) {
  std::vector<std::string> names;
  for (const auto& [name, value] : row.items()) {
    if (!value.is_structured()) names.push_back(name);
  }
  return names;
}

std::string Csv(const Json& rows) {
  const std::vector<std::string> names = FlatNames(rows.front());
  std::string text = Join(names, ",") + "\n";
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& name : names) cells.push_back(Cell(row[name], '"'));
    text += Join(cells, ",") + "\n";
  }
  return text;
}

std::string Sql(const Json& rows) {
  const std::vector<std::string> names = FlatNames(rows.front());
  std::vector<std::string> columns;
  for (const std::string& name : names) {
    const Json& value = rows.front()[name];
    const char* type = value.is_number_float()                           ? "REAL"
                       : value.is_number_integer() || value.is_boolean() ? "INTEGER"
                                                                         : "TEXT";
    columns.push_back(fmt::format("  {} {}", name, type));
  }
  std::string text = "CREATE TABLE IF NOT EXISTS llama_bench (\n" + Join(columns, ",\n") + "\n);\n";
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& name : names) {
      const Json& value = row[name];
      cells.push_back(value.is_null()      ? "NULL"
                      : value.is_boolean() ? (value.get<bool>() ? "1" : "0")
                                           : Cell(value, '\''));
    }
    text += fmt::format("INSERT INTO llama_bench ({}) VALUES ({});\n", Join(names, ", "),
                        Join(cells, ", "));
  }
  return text;
}

std::string Markdown(const Json& rows) {
  std::string text =
      "| model | size | params | backend | threads | test | t/s | |\n"
      "| --- | ---: | ---: | --- | ---: | ---: | ---: | --- |\n";
  for (const Json& row : rows) {
    text +=
        fmt::format("| {} | {:.2f} MiB | {:.2f} M | {} | {} | {} | {:.2f} ± {:.2f} | {} |\n",
                    row["model_type"].get<std::string>(), row["model_size"].get<double>() / 0x1p20,
                    row["model_n_params"].get<double>() / 1e6, row["backends"].get<std::string>(),
                    row["n_threads"].get<int>(), TestName(row), row["avg_ts"].get<double>(),
                    row["stddev_ts"].get<double>(), row["valid"].get<bool>() ? "" : "INVALID");
  }
  return text;
}

}  // namespace

Json BenchRow(const BenchTest& test) {
  const auto tokens = static_cast<double>(test.n_prompt + test.n_gen);
  std::vector<double> ns;
  for (const double rate : test.tokens_per_second) ns.push_back(std::round(1e9 * tokens / rate));
  Json row = Json::object();
  row["build_commit"] = CrumbCommit();
  row["build_number"] = 0;
  row["cpu_info"] = test.cpu_info;
  row["gpu_info"] = test.gpu_info;
  row["backends"] = "CPU";
  row["model_filename"] = test.model_filename;
  row["model_type"] = test.model_type;
  row["model_size"] = test.model_size;
  row["model_n_params"] = test.model_n_params;
  row["n_threads"] = test.threads;
  row["type_k"] = test.kv_type;
  row["type_v"] = test.kv_type;
  row["n_gpu_layers"] = 0;
  row["n_prompt"] = test.n_prompt;
  row["n_gen"] = test.n_gen;
  row["n_depth"] = 0;
  row["test_time"] = test.test_time;
  row["avg_ns"] = static_cast<int64_t>(Mean(ns));
  row["stddev_ns"] = static_cast<int64_t>(std::sqrt(Variance(ns)));
  row["avg_ts"] = Mean(test.tokens_per_second);
  row["stddev_ts"] = std::sqrt(Variance(test.tokens_per_second));
  row["samples_ns"] = Json::array();
  for (const double sample : ns) row["samples_ns"].push_back(static_cast<int64_t>(sample));
  row["samples_ts"] = test.tokens_per_second;
  // From here on what llama-bench does not have.
  row["model_sha256"] = test.model_sha256;
  row["kernel_set"] = test.kernel_set;
  row["activations"] = test.activations;
  row["n_samples"] = ns.size();
  AddPercentiles(ns, 1, "ns", row);
  if (!test.token_seconds.empty()) {
    Json token = Json::object();
    token["n"] = test.token_seconds.size();
    AddPercentiles(test.token_seconds, 1e3, "ms", token);
    row["token_latency"] = std::move(token);
  }
  row["power"] = PowerJson(test.power);
  row["valid"] = test.reasons.empty();
  row["reasons"] = test.reasons;
  return row;
}

std::string TestName(const Json& row) {
  const auto prompt = row["n_prompt"].get<int64_t>();
  return prompt > 0 ? fmt::format("pp{}", prompt)
                    : fmt::format("tg{}", row["n_gen"].get<int64_t>());
}

Result<std::string> FormatRows(const Json& rows, std::string_view format) {
  if (format == "json") return DumpJson(rows, 2) + "\n";
  if (format == "jsonl") {
    std::string text;
    for (const Json& row : rows) text += DumpJson(row) + "\n";
    return text;
  }
  if (format == "csv") return rows.empty() ? std::string() : Csv(rows);
  if (format == "sql") return rows.empty() ? std::string() : Sql(rows);
  if (format == "md") return Markdown(rows);
  return InvalidArgument(fmt::format("--format {}: choose json, jsonl, csv, md or sql", format));
}

}  // namespace crumb

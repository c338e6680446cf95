// The cost report for a terminal and as JSON.
#include <fmt/format.h>

#include <cmath>

#include "advice/cost.h"
#include "advice/text_lines.h"
#include "base/json.h"

namespace crumb {
namespace {

// "151,200"; cents below a thousand.
std::string Dollars(double value) {
  if (value < 10) return fmt::format("${:.4f}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return "$" + digits;
}

std::string Left(std::string_view text, size_t columns) { return Fit(text, columns); }
std::string Right(const std::string& text, size_t columns) {
  const size_t used = Columns(text);
  return std::string(columns > used ? columns - used : 0, ' ') + text;
}

}  // namespace

std::string CostText(const CostReport& report, std::string_view language) {
  const bool zh = language == "zh";
  const CostPlan& plan = report.plan;
  std::string text;
  if (plan.target_qps > 0) {
    text += Wrapped(
        zh ? fmt::format("负载每秒{:g}个请求，每小时{:.4g}美元，计划使用{:g}%，冗余{}台{}",
                         plan.target_qps, plan.price_per_hour, 100 * plan.utilization, plan.reserve,
                         plan.latency_seconds > 0
                             ? fmt::format("，P99至多{:g} ms", plan.latency_seconds * 1e3)
                             : std::string())
           : fmt::format(
                 "{:g} requests a second, ${:.4g} an hour, {:g} % of a machine planned with, "
                 "{} in reserve{}",
                 plan.target_qps, plan.price_per_hour, 100 * plan.utilization, plan.reserve,
                 plan.latency_seconds > 0
                     ? fmt::format(", P99 at most {:g} ms", plan.latency_seconds * 1e3)
                     : std::string()),
        0);
  }
  text += Left(zh ? "版本" : "version", 16) + Right(zh ? "请求/秒" : "req/s", 9) +
          Right(zh ? "机器" : "machines", 10) + Right(zh ? "每月" : "month", 13) +
          Right(zh ? "百万词元" : "1M tokens", 12) + Right(zh ? "节省" : "saving", 9) +
          Right(zh ? "账本" : "ledger", 9) + "\n";
  for (const CostResult& result : report.results) {
    const Serving& serving = result.serving;
    const bool first = &result == &report.results.front();
    text += Left(serving.name, 15) + " " +
            Right(serving.goodput > 0 ? fmt::format("{:.4g}", serving.goodput) : "-", 9) +
            Right(result.machines > 0 ? fmt::format("{}", result.machines) : "-", 10) +
            Right(result.month > 0 ? Dollars(result.month) : "-", 13) +
            Right(result.million_tokens > 0 ? Dollars(result.million_tokens) : "-", 12) +
            Right(first ? std::string("-") : fmt::format("{:.0f} %", 100 * result.saving), 9) +
            Right(serving.ledger_id > 0 ? fmt::format("#{}", serving.ledger_id) : "-", 9) + "\n";
  }
  if (!report.unfair.empty()) {
    text += zh ? "\n比较不公平之处：\n" : "\nNot like with like:\n";
    for (const Words& words : report.unfair) text += Wrapped("- " + words.In(language), 2);
  }
  return text;
}

Json CostJson(const CostReport& report) {
  Json json = Json::object();
  json["format"] = "crumb-cost";
  json["version"] = 1;
  json["price_per_hour"] = report.plan.price_per_hour;
  json["target_qps"] = report.plan.target_qps;
  json["utilization"] = report.plan.utilization;
  json["redundancy"] = report.plan.reserve;
  json["latency_ms"] = report.plan.latency_seconds * 1e3;
  json["hours_per_month"] = kHoursPerMonth;
  json["versions"] = Json::array();
  for (const CostResult& result : report.results) {
    const Serving& serving = result.serving;
    Json entry = Json::object();
    entry["name"] = serving.name;
    entry["goodput"] = serving.goodput;
    entry["tokens_per_second"] = serving.tokens_per_second;
    entry["p99_ms"] = serving.p99_seconds * 1e3;
    entry["batch"] = serving.batch;
    entry["machines"] = result.machines;
    entry["month_usd"] = result.month;
    entry["million_tokens_usd"] = result.million_tokens;
    entry["saving"] = result.saving;
    entry["meets_latency"] = result.meets_latency;
    entry["ledger_id"] = serving.ledger_id > 0 ? Json(serving.ledger_id) : Json(nullptr);
    json["versions"].push_back(std::move(entry));
  }
  json["not_like_with_like"] = Json::array();
  for (const Words& words : report.unfair) json["not_like_with_like"].push_back(words.en);
  return json;
}

}  // namespace crumb

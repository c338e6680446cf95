#include "advice/cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "advice/csv_table.h"

namespace crumb {
namespace {

// Latencies closer than this are one bound.
constexpr double kSameLatency = 1.05;

Status CheckPlan(const CostPlan& plan, const std::vector<Serving>& servings) {
  if (!(plan.price_per_hour > 0) || !std::isfinite(plan.price_per_hour)) {
    return InvalidArgument(
        fmt::format("--price {:g}: the price of an hour must be above 0", plan.price_per_hour));
  }
  if (plan.target_qps < 0 || !std::isfinite(plan.target_qps)) {
    return InvalidArgument(
        fmt::format("--qps {:g}: the load must be above 0 requests a second", plan.target_qps));
  }
  if (!(plan.utilization > 0) || plan.utilization > 1) {
    return InvalidArgument(
        fmt::format("--utilization {:g}: must be above 0 and at most 1; 0.7 leaves 30 % head-room",
                    plan.utilization));
  }
  if (plan.reserve < 0) {
    return InvalidArgument(fmt::format("--redundancy {}: must not be negative", plan.reserve));
  }
  if (plan.latency_seconds < 0) {
    return InvalidArgument(
        fmt::format("--latency {:g}: must be above 0 ms", plan.latency_seconds * 1e3));
  }
  if (servings.empty()) return InvalidArgument("nothing to price: give a rate of one machine");
  for (const Serving& serving : servings) {
    if (serving.goodput < 0 || serving.tokens_per_second < 0 ||
        (serving.goodput == 0 && serving.tokens_per_second == 0)) {
      return InvalidArgument(fmt::format("{}: a machine's rate must be above 0", serving.name));
    }
    if (plan.target_qps > 0 && serving.goodput == 0) {
      return InvalidArgument(fmt::format(
          "{}: machines for a load need --goodput, or --tokens-per-request beside tokens/s",
          serving.name));
    }
  }
  return OkStatus();
}

// Whether a property that both state differs between a serving and the reference.
bool Differs(double a, double b, double factor) {
  return a > 0 && b > 0 && std::max(a / b, b / a) > factor;
}

std::vector<Words> UnfairOf(const CostReport& report) {
  std::vector<Words> unfair;
  const Serving& base = report.results.front().serving;
  for (const CostResult& result : report.results) {
    const Serving& serving = result.serving;
    if (Differs(serving.p99_seconds, base.p99_seconds, kSameLatency)) {
      unfair.push_back(
          {fmt::format("{} has a P99 of {:.0f} ms, {} of {:.0f} ms: not the same service",
                       serving.name, serving.p99_seconds * 1e3, base.name, base.p99_seconds * 1e3),
           fmt::format("{}的P99为{:.0f} ms，{}为{:.0f} ms：不是同样的服务", serving.name,
                       serving.p99_seconds * 1e3, base.name, base.p99_seconds * 1e3)});
    }
    if (Differs(serving.batch, base.batch, 1)) {
      unfair.push_back(
          {fmt::format("{} ran {:g} requests at once, {} {:g}: a larger batch gains by itself",
                       serving.name, serving.batch, base.name, base.batch),
           fmt::format("{}一批{:g}个请求，{}为{:g}个：批大本身就提高吞吐", serving.name,
                       serving.batch, base.name, base.batch)});
    }
    if (!result.meets_latency) {
      unfair.push_back({fmt::format("{} misses the bound of {:.0f} ms and may not be chosen",
                                    serving.name, report.plan.latency_seconds * 1e3),
                        fmt::format("{}超过{:.0f} ms的延迟上限，不可选", serving.name,
                                    report.plan.latency_seconds * 1e3)});
    }
  }
  if (report.plan.target_qps > 0 && report.plan.utilization == 1) {
    unfair.push_back({"every machine is fully used: the mean load fits, a peak waits",
                      "每台机器都按满载计算：平均负载能承受，高峰要排队"});
  }
  if (report.plan.target_qps > 0 && report.plan.reserve == 0) {
    unfair.push_back({"no machine in reserve: one that fails takes its share of the load with it",
                      "没有冗余机器：坏一台就少一台的能力"});
  }
  if (report.plan.target_qps > 0 && report.plan.latency_seconds == 0 && report.results.size() > 1) {
    unfair.push_back({"no latency bound was given: a saving may be bought with waiting",
                      "没有给出延迟上限：节省可能来自让人多等"});
  }
  return unfair;
}

}  // namespace

Result<CostReport> PlanCost(const CostPlan& plan, const std::vector<Serving>& servings) {
  CRUMB_RETURN_IF_ERROR(CheckPlan(plan, servings));
  CostReport report;
  report.plan = plan;
  for (const Serving& serving : servings) {
    CostResult result;
    result.serving = serving;
    if (plan.target_qps > 0) {
      // A quotient that is whole but for rounding needs no machine more.
      const double needed = plan.target_qps / (serving.goodput * plan.utilization);
      const double machines = std::ceil(needed * (1 - 1e-12));
      if (machines > 1e9) {
        return InvalidArgument(
            fmt::format("{}: {:g} machines are more than can be meant", serving.name, machines));
      }
      result.machines = static_cast<int64_t>(machines) + plan.reserve;
      result.month = static_cast<double>(result.machines) * plan.price_per_hour * kHoursPerMonth;
    }
    if (serving.tokens_per_second > 0) {
      result.million_tokens =
          plan.price_per_hour / (serving.tokens_per_second * plan.utilization * 3600) * 1e6;
    }
    result.meets_latency = plan.latency_seconds == 0 || serving.p99_seconds == 0 ||
                           serving.p99_seconds <= plan.latency_seconds;
    const CostResult& base = report.results.empty() ? result : report.results.front();
    if (base.month > 0) {
      result.saving = 1 - result.month / base.month;
    } else if (base.million_tokens > 0) {
      result.saving = 1 - result.million_tokens / base.million_tokens;
    }
    report.results.push_back(std::move(result));
  }
  report.unfair = UnfairOf(report);
  return report;
}

Result<std::vector<Serving>> ReadServings(std::string_view csv, std::string_view name) {
  CRUMB_ASSIGN_OR_RETURN(const CsvTable table, ParseCsv(csv, name));
  const std::optional<size_t> label = table.Column({"name"});
  const std::optional<size_t> goodput = table.Column({"goodput"});
  for (const auto& [place, column] : {std::pair{label, "name"}, std::pair{goodput, "goodput"}}) {
    if (!place.has_value()) {
      return Corrupt(fmt::format(
          "{}:1: the column '{}' is missing; needed are name, goodput, perhaps p99_ms, batch", name,
          column));
    }
  }
  std::vector<Serving> servings;
  for (const CsvRow& row : table.rows) {
    Serving serving;
    serving.name = row.cells[*label];
    const auto number = [&](std::initializer_list<std::string_view> column) -> Result<double> {
      const std::optional<size_t> place = table.Column(column);
      if (!place.has_value() || row.cells[*place].empty()) return 0.0;
      const std::optional<double> value = ParseNumber(row.cells[*place]);
      if (value.has_value() && *value > 0) return *value;
      return Corrupt(fmt::format("{}:{}: '{}' of {} is not a number above 0", name, row.line,
                                 row.cells[*place], serving.name));
    };
    CRUMB_ASSIGN_OR_RETURN(serving.goodput, number({"goodput"}));
    CRUMB_ASSIGN_OR_RETURN(const double p99, number({"p99_ms"}));
    serving.p99_seconds = p99 / 1e3;
    CRUMB_ASSIGN_OR_RETURN(serving.batch, number({"batch"}));
    servings.push_back(std::move(serving));
  }
  if (servings.empty()) return Corrupt(fmt::format("{}: no rows below the first line", name));
  return servings;
}

}  // namespace crumb

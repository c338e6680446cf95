// How fast the loss shrinks with the size of the model: least squares of ln(loss) over
// log10(parameters), one fit for each table and width. Under four sizes there is no fit.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "advice/rule.h"
#include "measure/statistics.h"

namespace crumb {
namespace {

constexpr size_t kFewestSizes = 4;
constexpr double kMostBits = 2;  // the law is stated for such widths

struct Point {
  double decades;  // log10 of the parameters
  double loss;     // ln
};

// Percent by which the loss changes for ten times the parameters.
struct Fit {
  double slope = 0;  // ln per decade
  double low = 0;    // its 95 % interval
  double high = 0;
  double residual = 0;  // largest, as a factor
};

double Percent(double slope) { return 100 * (std::exp(slope) - 1); }

Fit FitOf(const std::vector<Point>& points) {
  std::vector<double> x;
  std::vector<double> y;
  for (const Point& point : points) {
    x.push_back(point.decades);
    y.push_back(point.loss);
  }
  const double mx = Mean(x);
  const double my = Mean(y);
  double sxx = 0;
  double sxy = 0;
  for (const Point& point : points) {
    sxx += (point.decades - mx) * (point.decades - mx);
    sxy += (point.decades - mx) * (point.loss - my);
  }
  Fit fit;
  fit.slope = sxy / sxx;
  double squares = 0;
  for (const Point& point : points) {
    const double rest = point.loss - my - fit.slope * (point.decades - mx);
    squares += rest * rest;
    fit.residual = std::max(fit.residual, std::exp(std::abs(rest)));
  }
  const auto freedom = static_cast<int64_t>(points.size()) - 2;
  const double error = std::sqrt(squares / static_cast<double>(freedom) / sxx);
  fit.low = fit.slope - StudentT975(freedom) * error;
  fit.high = fit.slope + StudentT975(freedom) * error;
  return fit;
}

// Points of one width in one table: a row of the table each.
std::vector<Point> PointsOf(const ClaimSet& set, const std::string& table, double bits) {
  std::map<double, double> by_size;
  for (const Claim& claim : set.claims()) {
    const bool change =
        claim.quantity == Quantity::kPoints || claim.quantity == Quantity::kPerplexityRise;
    if (!change || claim.table != table || claim.bits != bits || claim.base_bits == 0) continue;
    const Claim* size = set.Find(claim.setting, Quantity::kParameters);
    if (size != nullptr && claim.value != 0) by_size[size->value] = std::abs(claim.value);
  }
  std::vector<Point> points;
  for (const auto& [parameters, loss] : by_size) {
    points.push_back({std::log10(parameters), std::log(loss)});
  }
  return points;
}

}  // namespace

void RunScaleRule(const ClaimSet& set, Findings& findings) {
  std::vector<std::pair<std::string, double>> groups;
  for (const Claim& claim : set.claims()) {
    const std::pair<std::string, double> group{claim.table, claim.bits};
    if (claim.table == "prose" || claim.bits == 0 || claim.bits > kMostBits) continue;
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  }
  for (const Claim& claim : set.claims()) {
    if (claim.quantity != Quantity::kScaleLaw) continue;
    const double stated = std::log(1 - claim.value / 100);
    size_t fits = 0;
    size_t outside = 0;
    Words why;
    for (const auto& [table, bits] : groups) {
      const std::vector<Point> points = PointsOf(set, table, bits);
      if (points.empty()) continue;
      if (points.size() < kFewestSizes) {
        why.en +=
            fmt::format("{} at {}: {} sizes, no fit; ", table, WidthName(bits), points.size());
        why.zh +=
            fmt::format("{}（{}）：仅{}个规模，不拟合；", table, WidthName(bits), points.size());
        continue;
      }
      const Fit fit = FitOf(points);
      ++fits;
      if (stated < fit.low || stated > fit.high) ++outside;
      why.en += fmt::format(
          "{} at {}: {:+.0f} % for ten times the size [{:+.0f}, {:+.0f}], residuals up to "
          "{:.2f}x, {} sizes; ",
          table, WidthName(bits), Percent(fit.slope), Percent(fit.low), Percent(fit.high),
          fit.residual, points.size());
      why.zh += fmt::format(
          "{}（{}）：规模十倍时{:+.0f}% [{:+.0f}, {:+.0f}]，残差至多{:.2f}倍，{}个规模；", table,
          WidthName(bits), Percent(fit.slope), Percent(fit.low), Percent(fit.high), fit.residual,
          points.size());
    }
    why.en += fmt::format("claimed {:+.0f} %", -claim.value);
    why.zh += fmt::format("声称{:+.0f}%", -claim.value);
    findings.push_back({&claim, "scale",
                        outside > 0 ? ClaimVerdict::kContradicted
                        : fits > 0  ? ClaimVerdict::kConfirmed
                                    : ClaimVerdict::kNotTestable,
                        fits > 0 ? fmt::format("{} of {} fits", fits - outside, fits) : "no fit",
                        std::move(why)});
  }
}

}  // namespace crumb

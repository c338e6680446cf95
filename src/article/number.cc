#include "article/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace crumb::article {
namespace {

constexpr std::pair<Scale, std::string_view> kScales[] = {{Scale::kUnit, "unit"},
                                                          {Scale::kPercent, "percent"},
                                                          {Scale::kChange, "change"},
                                                          {Scale::kExcess, "excess"},
                                                          {Scale::kPoints, "points"},
                                                          {Scale::kTimes, "times"},
                                                          {Scale::kDifference, "difference"},
                                                          {Scale::kSpread, "spread"}};

constexpr std::pair<Direction, std::string_view> kDirections[] = {
    {Direction::kLevel, "level"},
    {Direction::kLower, "lower"},
    {Direction::kHigher, "higher"},
    {Direction::kLowerTo, "lower-to"},
    {Direction::kHigherTo, "higher-to"}};

double Half(const Evidence& row) {
  return row.low.has_value() && row.high.has_value() ? (*row.high - *row.low) / 2 : 0;
}

bool IsChange(Scale scale) {
  return scale == Scale::kChange || scale == Scale::kExcess || scale == Scale::kPoints ||
         scale == Scale::kDifference;
}

// How a value of this unit is written: words around it, and how many base units one of it is.
struct Shape {
  std::string before;
  std::string after;
  double factor = 1;
};

Shape ShapeOf(Scale scale, std::string_view unit, double value) {
  switch (scale) {
    case Scale::kPercent:
    case Scale::kChange:
    case Scale::kExcess:
    case Scale::kSpread:
      return {"", "%", 0.01};
    case Scale::kPoints:
      return {"", "个百分点", 0.01};
    case Scale::kTimes:
      return value >= 1e4 ? Shape{"", "万倍", 1e4} : Shape{"", "倍", 1};
    case Scale::kUnit:
    case Scale::kDifference:
      break;
  }
  if (unit == "bytes") {
    return value >= 1e9   ? Shape{"", " GB", 1e9}
           : value >= 1e5 ? Shape{"", " MB", 1e6}
                          : Shape{"", " KB", 1e3};
  }
  if (unit == "bytes/s") return {"每秒", " GB", 1e9};
  if (unit == "s") {
    return value >= 600 ? Shape{"", "分钟", 60}
           : value >= 1 ? Shape{"", "秒", 1}
                        : Shape{"", "毫秒", 1e-3};
  }
  if (unit == "tokens/s") return {"每秒", "个词元", 1};
  if (unit == "sentences/s") return {"每秒", "句", 1};
  if (unit == "requests/s") {
    constexpr double kDay = 86400;
    return value < 0.5 ? Shape{"每天", "次", 1 / kDay} : Shape{"每秒", "次", 1};
  }
  if (unit == "bits") return {"", "位", 1};
  if (unit == "J") return value >= 0.1 ? Shape{"", "焦", 1} : Shape{"", "毫焦", 1e-3};
  if (unit == "nat") return {"", "奈特", 1};
  return {"", "", 1};
}

// Words of a form belong to the numeral, a unit stands behind it.
bool InsideNumeral(Scale scale) { return scale != Scale::kUnit && scale != Scale::kDifference; }

int WantedDecimals(Scale scale, bool exact, double x) {
  if (scale == Scale::kSpread) return 0;
  if (InsideNumeral(scale) && scale != Scale::kTimes) return x >= 10 ? 0 : 1;
  if (exact && x >= 1) return x >= 10 ? 1 : 2;
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(x))), 0, 6);
}

std::string Rounded(double x, int decimals) {
  if (decimals >= 0) return fmt::format("{:.{}f}", x, decimals);
  const double place = std::pow(10.0, -decimals);
  return fmt::format("{:.0f}", x / place) + std::string(static_cast<size_t>(-decimals), '0');
}

bool DirectionHolds(Scale scale, Direction direction, const Quantity& quantity, const Evidence& row,
                    const Evidence* baseline) {
  if (direction == Direction::kLevel) return !IsChange(scale);
  const bool lower = direction == Direction::kLower || direction == Direction::kLowerTo;
  const bool to = direction == Direction::kLowerTo || direction == Direction::kHigherTo;
  if (to && (baseline == nullptr || IsChange(scale))) {
    // What remains of an excess; the sentence tells what it came from.
    return scale == Scale::kExcess && quantity.value > quantity.half_width;
  }
  if (quantity.sign != (lower ? -1 : 1)) return false;
  if (to) {
    const Range a = RangeOf(row);
    const Range b = RangeOf(*baseline);
    return lower ? a.high < b.low : a.low > b.high;
  }
  if (!IsChange(scale)) return false;
  if (scale == Scale::kExcess && row.low.has_value() && row.high.has_value()) {
    if (lower ? *row.high >= 1 : *row.low <= 1) return false;
  }
  return quantity.value > quantity.half_width;
}

}  // namespace

std::string_view ScaleName(Scale scale) {
  return std::ranges::find(kScales, scale, &std::pair<Scale, std::string_view>::first)->second;
}

std::string_view DirectionName(Direction direction) {
  return std::ranges::find(kDirections, direction, &std::pair<Direction, std::string_view>::first)
      ->second;
}

std::optional<Scale> ParseScale(std::string_view name) {
  for (const auto& [scale, known] : kScales) {
    if (known == name) return scale;
  }
  return {};
}

std::optional<Direction> ParseDirection(std::string_view name) {
  if (name.empty()) return Direction::kLevel;
  if (name == "up") return Direction::kHigher;
  if (name == "down") return Direction::kLower;
  if (name == "up-to") return Direction::kHigherTo;
  if (name == "down-to") return Direction::kLowerTo;
  return {};
}

Range RangeOf(const Evidence& row) {
  return {row.low.value_or(row.value), row.high.value_or(row.value)};
}

std::optional<Quantity> Measure(Scale scale, const Evidence& row, const Evidence* baseline) {
  const double v = row.value;
  if (baseline != nullptr && baseline->metric != row.metric) return {};
  Quantity quantity{v, Half(row), 0};
  if (baseline != nullptr) quantity.sign = v < baseline->value ? -1 : v > baseline->value ? 1 : 0;
  switch (scale) {
    case Scale::kUnit:
    case Scale::kPercent:
      return quantity;
    case Scale::kExcess:
      quantity.value = std::fabs(v - 1);
      quantity.sign = v < 1 ? -1 : v > 1 ? 1 : 0;
      return quantity;
    case Scale::kSpread:
      if (v == 0 || quantity.half_width == 0) return {};
      return Quantity{quantity.half_width / std::fabs(v), 0, 0};
    default:
      break;
  }
  if (baseline == nullptr) {
    if (scale == Scale::kTimes) return quantity;
    if (scale != Scale::kPoints) return {};
    return Quantity{std::fabs(v), quantity.half_width, v < 0 ? -1 : v > 0 ? 1 : 0};
  }
  const double b = baseline->value;
  if (scale == Scale::kPoints || scale == Scale::kDifference) {
    quantity.value = std::fabs(v - b);
    quantity.half_width = std::hypot(Half(row), Half(*baseline));
    return quantity;
  }
  if (b == 0 || v == 0) return {};
  quantity.half_width = std::fabs(v / b) * std::hypot(Half(row) / v, Half(*baseline) / b);
  quantity.value = scale == Scale::kTimes ? v / b : std::fabs(v / b - 1);
  return quantity;
}

std::optional<Printed> Print(Scale scale, Direction direction, const Evidence& row,
                             const Evidence* baseline) {
  const std::optional<Quantity> quantity = Measure(scale, row, baseline);
  if (!quantity.has_value() || !(quantity->value > 0)) return {};
  if (!DirectionHolds(scale, direction, *quantity, row, baseline)) return {};
  // Of what lies between 0 and 1 a value near 0 says something though its interval is as wide.
  const double widest = row.unit.empty() && quantity->value <= 1 ? 1 : 0.5;
  if (quantity->half_width > widest * quantity->value && !IsChange(scale)) return {};
  const Shape shape = ShapeOf(scale, row.unit, quantity->value);
  const double x = quantity->value / shape.factor;
  int decimals = WantedDecimals(scale, row.kind == "computed", x);
  // The last digit is worth at least a tenth of the half width.
  while (std::pow(10.0, -decimals) * shape.factor < quantity->half_width / 10) --decimals;
  const std::string number = Rounded(x, decimals);
  if (number.find_first_not_of("0.") == std::string::npos) return {};
  Printed printed{shape.before, number, shape.after, decimals};
  if (scale == Scale::kSpread) printed.number = "±" + printed.number;
  if (InsideNumeral(scale)) {
    printed.number += shape.after;
    printed.after.clear();
  }
  return printed;
}

}  // namespace crumb::article

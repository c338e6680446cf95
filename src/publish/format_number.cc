#include "publish/format_number.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace crumb {
namespace {

constexpr int kIntervalDigits = 2;
constexpr int kExactDigits = 4;
constexpr int kMeasuredDigits = 3;
constexpr int kMostDecimals = 12;  // beyond that a double of the sizes shown here holds nothing

// Groups the digits before the point by three when there are five or more of them.
std::string WithThousands(std::string digits) {
  const size_t first = digits.starts_with('-') ? 1 : 0;
  const size_t point = std::min(digits.find('.'), digits.size());
  if (point - first < 5) return digits;
  for (size_t at = point - 3; at > first; at -= std::min<size_t>(3, at - first)) {
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace

int SignificantDecimals(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return 0;
  // Printing rounds first: 0.0996 at two digits is 1.0e-01, whose last digit stands one place
  // higher.
  const std::string text = fmt::format("{:.{}e}", std::abs(value), digits - 1);
  const int exponent = std::atoi(text.c_str() + text.find('e') + 1);
  return std::min(digits - 1 - exponent, kMostDecimals);
}

int SupportedDecimals(double half_width) {
  return SignificantDecimals(half_width, kIntervalDigits);
}

std::string FormatRounded(double value, int decimals) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const double magnitude = std::abs(value);
  if (magnitude >= 1e7 || (magnitude > 0 && magnitude < 1e-6)) {
    const int exponent = -SignificantDecimals(value, 1);
    const int digits = std::clamp(decimals + exponent, 0, kExactDigits - 1);
    const std::string text = fmt::format("{:.{}e}", value, digits);  // 1.2e+07
    return fmt::format("{}e{}", text.substr(0, text.find('e')),
                       std::atoi(&text[text.find('e') + 1]));
  }
  if (decimals < 0) {
    const double step = std::pow(10.0, -decimals);
    value = std::round(value / step) * step;
  }
  std::string text = fmt::format("{:.{}f}", value, std::max(decimals, 0));
  // A negative value that rounds to nothing is written without its sign.
  if (text.starts_with('-') && text.find_first_of("123456789") == std::string::npos)
    text.erase(0, 1);
  return WithThousands(std::move(text));
}

FormattedNumber FormatNumber(const Evidence& row, double unit_size) {
  const double value = row.value / unit_size;
  FormattedNumber formatted;
  const bool has_interval = row.low.has_value() && row.high.has_value() && *row.high > *row.low &&
                            std::isfinite(*row.high - *row.low);
  if (!has_interval) {
    const int digits = row.kind == "computed" ? kExactDigits : kMeasuredDigits;
    formatted.value = FormatRounded(value, SignificantDecimals(value, digits));
    return formatted;
  }
  const double low = *row.low / unit_size;
  const double high = *row.high / unit_size;
  const int decimals = SupportedDecimals((high - low) / 2);
  // Of a skewed interval above 0, such as [1.2, 1000000], no number may be rounded away to 0.
  const auto format = [&](double x) {
    const bool vanishes = low > 0 && SignificantDecimals(x, 1) > decimals;
    return FormatRounded(x, vanishes ? SignificantDecimals(x, kIntervalDigits) : decimals);
  };
  formatted.value = format(value);
  formatted.low = format(low);
  formatted.high = format(high);
  return formatted;
}

}  // namespace crumb

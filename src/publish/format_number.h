// How a measured number is written for people: never with more digits than its interval supports.
//
// A value with an interval is rounded at the second significant digit of half the interval's width,
// and so are the interval's ends: 23.5127 in [22.91, 24.12] is "23.51" in "[22.91, 24.12]". A value
// without an interval keeps four significant digits when it is exact (kind "computed"), three
// otherwise.
#ifndef CRUMB_PUBLISH_FORMAT_NUMBER_H_
#define CRUMB_PUBLISH_FORMAT_NUMBER_H_

#include <string>

#include "evidence/evidence.h"

namespace crumb {

struct FormattedNumber {
  std::string value;
  std::string low;  // empty when the row has no interval or one without width
  std::string high;
};

// Decimal places at which the second significant digit of `half_width` stands; negative: tens,
// hundreds, ... half_width must be finite and greater than 0.
int SupportedDecimals(double half_width);

// Decimal places that leave `digits` significant digits of `value`; 0 for a value of 0.
int SignificantDecimals(double value, int digits);

// `value` rounded at `decimals` (negative: to tens, ...), thousands set apart by a comma from
// 10,000 on; from ten million on, or below a millionth, with a power of ten ("1.2e7").
std::string FormatRounded(double value, int decimals);

// The value and interval of `row`, each divided by `unit_size` (1e6 for bytes shown as MB).
FormattedNumber FormatNumber(const Evidence& row, double unit_size = 1);

}  // namespace crumb

#endif  // CRUMB_PUBLISH_FORMAT_NUMBER_H_

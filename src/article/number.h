// A number of an article: what a ledger row, alone or beside another, gives (the scales of
// docs/formats/trace.md), and how it is printed with no more digits than its interval supports.
#ifndef CRUMB_ARTICLE_NUMBER_H_
#define CRUMB_ARTICLE_NUMBER_H_

#include <optional>
#include <string>
#include <string_view>

#include "evidence/evidence.h"

namespace crumb::article {

enum class Scale { kUnit, kPercent, kChange, kExcess, kPoints, kTimes, kDifference, kSpread };
enum class Direction { kLevel, kLower, kHigher, kLowerTo, kHigherTo };

// As the trace writes them: "change", "lower-to".
std::string_view ScaleName(Scale scale);
std::string_view DirectionName(Direction direction);
std::optional<Scale> ParseScale(std::string_view name);
// "up", "down", "up-to", "down-to"; "" is kLevel.
std::optional<Direction> ParseDirection(std::string_view name);

// A value in base units with the half width of its 95 % interval; 0: exact, or none is given.
struct Quantity {
  double value = 0;
  double half_width = 0;
  int sign = 0;  // of the change: -1 lower, 1 higher, 0 none is meant
};

// Nothing where the scale does not fit: no baseline, one of another metric, a zero.
std::optional<Quantity> Measure(Scale scale, const Evidence& row, const Evidence* baseline);

// A numeral as it stands in the text, for example "每秒" + "41.6" + "个词元".
struct Printed {
  std::string before;
  std::string number;  // the numeral of the trace
  std::string after;
  int digits = 0;  // decimals; negative: trailing zeros that only fill
};

// Fails closed: nothing where the direction is not what the rows say (a change has to be larger
// than its half width, a level that moved needs intervals that do not touch), where the interval is
// wider than half the value (of a pure number up to 1: than the value), or where nothing but 0
// would be printed.
std::optional<Printed> Print(Scale scale, Direction direction, const Evidence& row,
                             const Evidence* baseline);

// One side of a comparison: the interval; of a row without one, a point.
struct Range {
  double low = 0;
  double high = 0;
};
Range RangeOf(const Evidence& row);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_NUMBER_H_

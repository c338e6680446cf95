// What a numeral of the text claims beside its value: the metric and direction words that govern
// it; and what a ledger's rows make of it.
#ifndef CRUMB_LINT_BINDING_H_
#define CRUMB_LINT_BINDING_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lint/rule.h"

namespace crumb::lint {

// The metrics that the nearest metric word can mean: the last one before the numeral in its
// sentence, or, where there is none, the first behind it in its clause.
struct MetricWord {
  std::string_view word;
  std::set<std::string_view> metrics;
};
std::optional<MetricWord> GoverningMetric(const Subject& subject, const Numeral& numeral);

// "lower" 降低了, "lower-to" 降低到, "higher", "higher-to", or "level" where the clause has no word
// of direction before the numeral (nor right behind it).
std::string GoverningDirection(const Subject& subject, const Numeral& numeral);

// Bit widths (4 of 四位整数) named in the numeral's sentence.
std::set<double> NamedWidths(const Subject& subject, const Numeral& numeral);
// The width in a row's subject ("int4+embed8"), if it has one.
std::optional<double> WidthOf(const Evidence& row);

// What a row, compared with `baseline` where the scale wants one, is as a number in base units,
// with the half width of its 95 % interval (0: exact or not given). Nothing where the scale does
// not fit.
struct Computed {
  double value = 0;
  double half_width = 0;
  int sign = 0;  // of the change: -1 lower, 1 higher, 0 no change is meant
};
std::optional<Computed> Compute(std::string_view scale, const Evidence& row,
                                const Evidence* baseline);

// The form in which a scale is written: percent of 72.5%, times of 1.8倍.
bool FormFits(std::string_view scale, const Numeral& numeral, const Evidence& row);

// The zeros at the end of a whole number: 2 of 400. They may be digits or only fill (docs/formats/
// trace.md); a trace says which by negative digits.
int TrailingZeros(const Numeral& numeral);

// `value` in the numeral's units rounded half to even at its digits; negative: to tens, hundreds.
std::string Rounded(const Numeral& numeral, double value);
bool ValueFits(const Numeral& numeral, double value);

// Whether the last printed digit is worth at least a tenth of the interval's half width.
bool DigitsFit(const Numeral& numeral, double half_width);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_BINDING_H_

// Every numeral of a block: Arabic and full-width digits, 百分之七十二点五,
// 三成, 1.8倍, 2.1个百分点, 5万, ±18%, 三分之一, 一半, 翻倍, Chinese numerals before a unit, years
// and quarters, ordinals. A range (3至5) is two numerals. Words of the term table (四位整数) and
// everyday words (一些, 统一) are none.
#ifndef CRUMB_LINT_NUMERAL_H_
#define CRUMB_LINT_NUMERAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "lint/document.h"

namespace crumb::lint {

// How the number is written; decides what one of it is worth.
enum class NumberForm { kPlain, kPercent, kPoints, kTimes, kTenths, kFraction };

struct Numeral {
  size_t block = 0;
  Span span;  // of the block's text: digits, sign ±, and the words that are part of the number
  std::string text;  // those bytes
  double value = 0;  // as written: 72.5 of 72.5%
  int digits = 0;    // decimals
  NumberForm form = NumberForm::kPlain;
  double factor = 1;  // value * factor is the number in `unit`: 0.01 of %, 10^4 of 万, 10^6 of MB
  std::string_view unit;    // as a ledger row has it: "s", "bytes", "tokens/s"; "" none
  std::string_view closed;  // "section", "quarter", "count", "name", or "" for what needs evidence
  bool full_width = false;
  bool date = false;  // a month or a day
};

std::vector<Numeral> FindNumerals(const Block& block, size_t index);
std::vector<Numeral> FindNumerals(const Document& document);

// A Chinese or mixed integer such as 二百三十 or 十, or digits in a row (二〇二四). False when it
// is none.
bool ParseChineseInteger(std::u32string_view digits, double* value);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_NUMERAL_H_

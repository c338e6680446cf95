// The items that are scored: a file of JSON lines, one object a line.
//
//   "id"          string or whole number; must be there, and once
//   "prediction"  string, number or truth value: what the model answered
//   "reference"   string, or array of strings of which any one is right; "references" is the same
//   "label"       string, number or truth value: the right class, or the number people gave
//   "score"       number: what the model gave, for ranks and correlations
//   "verdicts"    array of truth values or 0 and 1: which of several samples passed
//
// A metric says which of them it needs; other keys are left alone.
#ifndef CRUMB_SCORING_ITEM_H_
#define CRUMB_SCORING_ITEM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb {

struct ScoringItem {
  std::string id;    // a number as its digits
  int64_t line = 0;  // from 1, for messages
  std::optional<std::string> prediction;
  std::vector<std::string> references;  // empty: none given
  std::optional<std::string> label;     // numbers and truth values as JSON writes them
  std::optional<double> label_number;   // where it is one; true is 1
  std::optional<double> score;
  std::optional<std::vector<bool>> verdicts;
};

// `text` is the content of the file `name`. Empty lines are passed over, a byte order mark at the
// start too. kCorrupt with the line: bytes that are not UTF-8, what is no JSON object, a missing
// id, a key of another type, an id that comes twice (both lines), and a file without items.
Result<std::vector<ScoringItem>> ParseItems(std::string_view text, std::string_view name);
Result<std::vector<ScoringItem>> ReadItems(const std::string& path);

// `other` in the order of `items`. kCorrupt names the first id that only one of the two has.
Result<std::vector<ScoringItem>> MatchItems(const std::vector<ScoringItem>& items,
                                            std::vector<ScoringItem> other,
                                            std::string_view items_name,
                                            std::string_view other_name);

}  // namespace crumb

#endif  // CRUMB_SCORING_ITEM_H_

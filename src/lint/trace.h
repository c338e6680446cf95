// article.trace.json: for every numeral of an article, in order, the ledger row behind it or the
// closed class it belongs to. docs/formats/trace.md has the fields. Written by whatever made the
// article, read here and trusted in nothing: each entry is checked against text and ledger.
#ifndef CRUMB_LINT_TRACE_H_
#define CRUMB_LINT_TRACE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace crumb::lint {

struct TraceEntry {
  std::string text;                 // as the article prints it, "72.5%"
  std::optional<int64_t> evidence;  // id of the row
  std::optional<int64_t> baseline;  // id of the row that it is compared with
  std::string closed;               // "", "section", "quarter", "count", "name"
  int digits = 0;                   // decimals printed
  std::string scale;      // "unit", "percent", "change", "excess", "points", "times", "difference"
  std::string direction;  // "lower", "higher", "lower-to", "higher-to", "level"
};

struct Trace {
  std::string text_sha256;  // of NormalizedText (document.h)
  std::string title;
  std::vector<std::string> audiences;
  std::string sector;
  std::vector<int64_t> evidence;
  std::vector<TraceEntry> numerals;
};

// kCorrupt names the file and the entry.
Result<Trace> ParseTrace(std::string_view json, const std::string& name);
Result<Trace> ReadTrace(const std::string& path);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_TRACE_H_

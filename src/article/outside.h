// Evidence that was not measured here, as an article tells it: its kind and its source in the text.
#ifndef CRUMB_ARTICLE_OUTSIDE_H_
#define CRUMB_ARTICLE_OUTSIDE_H_

#include <string>
#include <string_view>

#include "article/fill.h"
#include "article/library.h"

namespace crumb::article {

// Subject of the manual row that --load makes.
inline constexpr std::string_view kLoadSubject = "load";

// "2026-Q4" as 2026年第四季度; no pieces for anything else.
Pieces QuarterPieces(std::string_view quarter);

// "public" -> 公开报告, "deployment" -> 部署记录, "audit" -> 审计记录, "manual" -> 手工登记.
std::string_view KindName(std::string_view kind);

// The source as the ledger has it; a name with a digit or an English phrase in it, which the text
// can not hold, is 来源名见账本.
std::string SourceName(const Evidence& row);

// A paragraph about one row; no pieces where data/metrics.txt has no words for its metric.
Pieces OutsidePieces(const Library& library, const Evidence& row);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_OUTSIDE_H_

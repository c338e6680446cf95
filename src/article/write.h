// The writer: studies of a ledger and a request become an article, or a refusal that says what to
// measure. The same rows and request give the same article.
#ifndef CRUMB_ARTICLE_WRITE_H_
#define CRUMB_ARTICLE_WRITE_H_

#include <deque>
#include <string>
#include <vector>

#include "article/compose.h"
#include "article/library.h"
#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb::article {

enum class Length { kShort, kStandard, kLong };

struct Request {
  std::vector<std::string> audiences;  // ids of the library; at least one
  std::string sector;                  // id of the library
  std::string title;                   // empty: the library's
  Length length = Length::kStandard;
  std::vector<std::string> use;  // ids of entries that come before others
};

// Rows of one study; `path` stands in commands that are named.
struct Study {
  std::vector<Evidence> rows;     // what crumb study measured
  std::vector<Evidence> outside;  // public, deployment, audit and manual rows
  std::string path;
};

// The rows of a ledger that count: without those that newer ones replace, and without what other
// commands than crumb study measured (but the energy of the study's own versions). kInvalidArgument
// where the source of a row from outside holds an address.
Result<Study> MakeStudy(std::vector<Evidence> rows, std::string path);

// An entry of the library that was left out for want of evidence.
struct LeftOut {
  std::string entry;  // "challenge task-falls"
  std::string run;
};

struct Article {
  Document document;
  std::vector<Numeral> numerals;  // point into the studies' rows
  std::vector<std::string> used;  // entries, in the order of the text
  std::vector<LeftOut> left_out;
};

// The first study is the one that the article is mainly about. Refused (kNotFound): a study of a
// single width or without intervals, and where too few entries have their evidence; the message
// names the commands that measure it. `studies` and `library` must outlive the result.
Result<Article> WriteArticle(const std::deque<Study>& studies, const Request& request,
                             const Library& library);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_WRITE_H_

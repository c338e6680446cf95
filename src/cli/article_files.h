// The files of an article: the ledger that its numbers are rows of, its forms, the trace, and what
// the linter says of each form as it stands on the disk.
#ifndef CRUMB_CLI_ARTICLE_FILES_H_
#define CRUMB_CLI_ARTICLE_FILES_H_

#include <deque>
#include <string>
#include <vector>

#include "article/write.h"
#include "base/status.h"

namespace crumb {

// The studies at `paths` (ledgers, or folders that hold one), verified, without rows that newer
// ones replace. Their rows are put into one ledger at `ledger`, so that an id means one row: a copy
// of the first study's, to which the rows of the others (and `load`, a manual row, if it has a
// metric) are appended. The studies themselves are not changed.
Result<std::deque<article::Study>> GatherStudies(const std::vector<std::string>& paths,
                                                 const Evidence& load, const std::string& ledger);

struct ArticleFiles {
  std::vector<std::string> names;
  std::vector<std::string> warnings;  // "article.txt:12:3 L03-pause more than ..."
};

// Writes everything but the ledger into `folder`, where ledger.db stands already. kInternal with
// the first findings when the linter sees an error: a fault of the library. kInvalidArgument when
// all errors are in a title that the user gave.
Result<ArticleFiles> WriteArticleFiles(const article::Article& article, bool own_title,
                                       const std::string& folder);

}  // namespace crumb

#endif  // CRUMB_CLI_ARTICLE_FILES_H_

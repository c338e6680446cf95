// The figures of an article, drawn from ledger rows for people who read on a phone: one line for
// each version with its spelled-out name in Chinese, its value and its interval.
#ifndef CRUMB_ARTICLE_FIGURES_H_
#define CRUMB_ARTICLE_FIGURES_H_

#include <string>
#include <vector>

#include "article/document.h"
#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb::article {

struct FigureOptions {
  // The versions that are drawn, by their names in the ledger; the reference comes by itself.
  // Empty: of each width the best method.
  std::vector<std::string> subjects;
  // The section of the article that each figure closes (Figure::after_section).
  int memory_section = 2;   // after the numbers
  int speed_section = 3;    // after the three steps
  int quality_section = 4;  // after the challenges
  int task_section = 5;     // after the use cases
};

// Memory, speed, quality and answers to questions, each where the rows have it for at least one
// version beside the reference, in this order; so none to four. Draws by one run of gnuplot; the
// same rows give the same bytes with the same versions of gnuplot and fonts. kNotFound: no gnuplot,
// or no row of the reference.
Result<std::vector<Figure>> DrawFigures(const std::vector<Evidence>& rows,
                                        const FigureOptions& options);

// What stands beside NAME.png as NAME.json (docs/article-forms.md).
std::string FigureSideFile(const Figure& figure);

}  // namespace crumb::article

#endif  // CRUMB_ARTICLE_FIGURES_H_

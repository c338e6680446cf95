// The samples that rules carry, as subjects to lint. Used by tests and by `crumb lint --explain`.
#ifndef CRUMB_LINT_SAMPLE_H_
#define CRUMB_LINT_SAMPLE_H_

#include <string>
#include <string_view>

#include "lint/rule.h"

namespace crumb::lint {

// The text of a sample as rule.h describes it.
std::string SampleText(std::string_view sample);

// The entries of data/sample_trace.txt for the open numerals of the untouched sample article, and
// the closed classes of the others.
Trace SampleTrace();

// A sample read; with trace and ledger where it is made from the sample article.
Subject SampleSubject(std::string_view sample);

}  // namespace crumb::lint

#endif  // CRUMB_LINT_SAMPLE_H_

// The rows of a ledger that was found whole, by id, and which of them were replaced by newer ones.
#ifndef CRUMB_LINT_ROWS_H_
#define CRUMB_LINT_ROWS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "evidence/evidence.h"

namespace crumb::lint {

struct Rows {
  std::map<int64_t, Evidence> by_id;
  std::set<int64_t> superseded;

  explicit Rows(std::vector<Evidence> rows = {});
  const Evidence* Find(int64_t id) const;  // nullptr where there is none
};

// Reads a ledger file or a study's folder and checks its chain (kCorrupt where it is broken).
Result<Rows> ReadRows(const std::string& path);

// A made-up ledger of ten rows: what the samples of the rules and the tests' article refer to.
std::vector<Evidence> SampleRows();

}  // namespace crumb::lint

#endif  // CRUMB_LINT_ROWS_H_
